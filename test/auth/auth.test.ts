/** Signatures as a Java client makes them, keys of the configuration, and users on the disk. */
import { describe, expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import { aclInfoOf } from "../../core/auth/policies.ts";
import { sameSignature, signatureOf } from "../../core/auth/signature.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import { V4_9_3, VERSION_CURRENT } from "../../wire/version.ts";
import { ADMIN, accessControl, addJoe, ENABLED, HOST, JOE, outcome, request, signed } from "./support.ts";

describe("signatures", () => {
  const { digest } = simRuntime();
  const key = encodeUtf8("12345678");
  const sign = (fields: Record<string, string>, body = "", version = VERSION_CURRENT): string =>
    signatureOf(digest, key, fields, encodeUtf8(body), version);

  test("are those of AclUtils and AclSigner of 5.5.0", () => {
    // Printed by AclUtils.calSignature(AclUtils.combineRequestContent(command, fields), "12345678").
    expect(sign({ AccessKey: "joe", topic: "t", b: "true", B: "7" }, "body")).toBe("50ni1kXKxb2Z1iZ/tnOts+z+LC0=");
    expect(sign({ AccessKey: "joe", ä: "ö" })).toBe("LDhe7NvgH8xprny8BtziLbpzbpc=");
  });

  test("leave out themselves, and up to 4.9.3 the mark of a query", () => {
    expect(sign({ a: "1", Signature: "x" })).toBe(sign({ a: "1" }));
    expect(sign({ a: "1", _UNIQUE_KEY_QUERY: "true" }, "", V4_9_3)).toBe(sign({ a: "1" }));
    expect(sign({ a: "1", _UNIQUE_KEY_QUERY: "true" })).not.toBe(sign({ a: "1" }));
  });

  test("are the same or not, whatever is given", () => {
    const right = sign({ a: "1" });
    expect(sameSignature(right, right)).toBe(true);
    for (const wrong of ["", "=", right.slice(1), `${right}=`, right + right, right.toLowerCase()]) {
      expect(sameSignature(right, wrong)).toBe(false);
    }
  });

  test("cover every field and every byte of the body", () => {
    const { access, sim } = accessControl();
    const good = signed(request("GET_BROKER_CONFIG", { a: "1" }, "body"), ADMIN, sim);
    expect(outcome(access.check("GET_BROKER_CONFIG", good, HOST))).toBe("ok");
    for (const bad of [
      { ...good, extFields: { ...good.extFields, a: "2" } },
      { ...good, extFields: { ...good.extFields, more: "2" } },
      { ...good, body: encodeUtf8("bodY") },
    ]) {
      expect(outcome(access.check("GET_BROKER_CONFIG", bad, HOST))).toBe("16 check signature failed.");
    }
  });
});

describe("keys of the configuration", () => {
  test("off: nothing is handed to a server", () => {
    expect(accessControl({}).access.forServer()).toBeUndefined();
  });

  test("authorization without authentication is refused: anybody might use any name", () => {
    expect(() => accessControl({ authorizationEnabled: true })).toThrow("needs authenticationEnabled=true");
  });

  test("authentication alone: who signed may do everything", () => {
    const { access, sim } = accessControl({ ...ENABLED, authorizationEnabled: false });
    addJoe(access);
    expect(outcome(access.check("GET_BROKER_CONFIG", signed(request("GET_BROKER_CONFIG"), JOE, sim), HOST))).toBe("ok");
    expect(outcome(access.check("GET_BROKER_CONFIG", request("GET_BROKER_CONFIG"), HOST))).toMatch(/^16/);
  });

  test("white lists: a code without signature still needs a right, and a name without signature is no super user", () => {
    const { access, sim } = accessControl({ ...ENABLED, authenticationWhitelist: "26, 3001" });
    expect(outcome(access.check("GET_BROKER_CONFIG", request("GET_BROKER_CONFIG"), HOST))).toMatch(/^16 User: has no permission/);
    expect(access.isSuper(3001, { AccessKey: ADMIN.accessKey })).toBe(false);
    expect(access.isSuper(3002, { AccessKey: ADMIN.accessKey })).toBe(true);
    const both = accessControl({ ...ENABLED, authenticationWhitelist: "26", authorizationWhitelist: "26,28" }, sim).access;
    expect(outcome(both.check("GET_BROKER_CONFIG", request("GET_BROKER_CONFIG"), HOST))).toBe("ok");
    expect(outcome(both.check("GET_BROKER_RUNTIME_INFO", request("GET_BROKER_RUNTIME_INFO"), HOST))).toMatch(/^16/);
  });

  test.each([
    ["authenticationWhitelist", "1,2;3"],
    ["initAuthenticationUser", '{"username":"root","password":"hidden-word"'],
    ["initAuthenticationUser", '{"password":"hidden-word"}'],
    ["innerClientAuthenticationCredentials", '{"accessKey":"","secretKey":"hidden-word"}'],
  ])("%s=%s is refused by name, and not quoted when it is a secret", (key, value) => {
    const start = (): unknown => accessControl({ ...ENABLED, [key]: value });
    expect(start).toThrow(key);
    expect(start).not.toThrow("hidden-word");
  });
});

describe("users on the disk", () => {
  test("are there after a restart, with their lists; a deleted one is gone with its own", () => {
    const { access, sim } = accessControl();
    addJoe(access, "Topic:orders Pub Allow 10.0.0.0/8");
    const again = accessControl(ENABLED, sim).access;
    expect(again.users.find(JOE.accessKey)).toEqual(access.users.find(JOE.accessKey)!);
    expect(aclInfoOf("", again.users.policies(JOE.accessKey)!)).toEqual(aclInfoOf("", access.users.policies(JOE.accessKey)!));
    again.users.delete(JOE.accessKey);
    const third = accessControl(ENABLED, sim).access;
    expect(third.users.list().map(({ username }) => username)).toEqual([ADMIN.accessKey]);
    expect(third.users.policies(JOE.accessKey)).toBeUndefined();
  });

  test("the first user is made once: a password that was changed stays", () => {
    const { access, sim } = accessControl();
    access.users.put({ ...access.users.find(ADMIN.accessKey)!, password: "changed", key: encodeUtf8("changed") });
    expect(accessControl(ENABLED, sim).access.users.find(ADMIN.accessKey)?.password).toBe("changed");
  });

  test.each(["users.json", "acls.json"])("a broken %s refuses the start by name", (name) => {
    const { sim } = accessControl();
    sim.files.write(`/auth/${name}`, encodeUtf8("[{"));
    expect(() => accessControl(ENABLED, sim)).toThrow(`"/auth/${name}" can't be used`);
  });

  test("refusals are logged once a second, with how many were not", async () => {
    const { access, log, sim } = accessControl();
    for (let i = 0; i < 1_000; i++) access.check("GET_BROKER_CONFIG", request("GET_BROKER_CONFIG"), HOST);
    expect(log.of("warn")).toHaveLength(1);
    await sim.clock.advance(1_000);
    access.check("GET_BROKER_CONFIG", request("GET_BROKER_CONFIG"), HOST);
    expect(log.of("warn").at(-1)?.fields["notLogged"]).toBe(999);
  });
});
