/** A request as bytes, for tests of what comes before it. */
import { ByteWriter } from "../../wire/byte_writer.ts";
import { NO_BODY, SERIALIZE_JSON } from "../../wire/remoting_command.ts";
import { REQUESTS } from "../../wire/requests.ts";
import { encodeCommand } from "../../wire/serialize.ts";

export function requestBytes(): Uint8Array {
  const writer = new ByteWriter(256);
  encodeCommand(
    {
      code: REQUESTS.GET_KV_CONFIG.code,
      language: 12,
      version: 0,
      opaque: 1,
      flag: 0,
      remark: undefined,
      extFields: { namespace: "n", key: "k" },
      body: NO_BODY,
      serializeType: SERIALIZE_JSON,
    },
    writer,
  );
  return writer.written().slice();
}
