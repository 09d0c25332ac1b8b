/** The nameserver's own configuration: read whole, changed by allow-list (`../config_update.ts`). */
import { encodeUtf8 } from "../../wire/bytes.ts";
import type { LiveConfiguration } from "../config_update.ts";
import { endpointText } from "../remoting/connection.ts";
import { type Processor, RemotingError } from "../remoting/processor.ts";
import type { namesrvOptions } from "./options.ts";

type Served = "UPDATE_NAMESRV_CONFIG" | "GET_NAMESRV_CONFIG";

export function configProcessors(configuration: LiveConfiguration<typeof namesrvOptions>): {
  readonly [N in Served]: Processor<N>;
} {
  return {
    UPDATE_NAMESRV_CONFIG({ peer }, { body }) {
      if (body.length === 0) return {};
      const outcome = configuration.update(body, endpointText(peer.remote));
      if (!outcome.ok) throw new RemotingError(outcome.code, outcome.remark);
      return { remark: outcome.remark };
    },
    GET_NAMESRV_CONFIG() {
      return { body: encodeUtf8(configuration.print()) };
    },
  };
}
