/** The nameserver's own configuration: read whole, changed by allow-list (`../config_update.ts`). */
import { decodeUtf8, encodeUtf8 } from "../../wire/bytes.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import type { LiveConfiguration } from "../config_update.ts";
import { type Processor, RemotingError } from "../remoting/processor.ts";
import type { namesrvOptions } from "./options.ts";

type Served = "UPDATE_NAMESRV_CONFIG" | "GET_NAMESRV_CONFIG";

/** The whole table is some 5 KB; an update has a key or two. */
const UPDATE_BYTES_MAX = 64 * 1024;

export function configProcessors(configuration: LiveConfiguration<typeof namesrvOptions>): {
  readonly [N in Served]: Processor<N>;
} {
  return {
    UPDATE_NAMESRV_CONFIG(_context, { body }) {
      if (body.length > UPDATE_BYTES_MAX) {
        throw new RemotingError(
          ResponseCode.SYSTEM_ERROR,
          `an update of ${body.length} bytes is not read, at most ${UPDATE_BYTES_MAX} are`,
        );
      }
      if (body.length === 0) return {};
      const outcome = configuration.update(decodeUtf8(body));
      if (!outcome.ok) throw new RemotingError(outcome.code, outcome.remark);
      return { remark: outcome.remark };
    },
    GET_NAMESRV_CONFIG() {
      return { body: encodeUtf8(configuration.print()) };
    },
  };
}
