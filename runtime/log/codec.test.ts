import { randomBytes } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Address, address } from "../address.ts";
import type { Envelope } from "../envelope.ts";
import type { JsonObject } from "../json.ts";
import type { Bodies } from "./bodies.ts";
import { decodeRecord, type EncodedRecord, encodeRecord, HEADER_ID, HEADER_TO, openRecord } from "./codec.ts";
import { plainKeys } from "./plain-keys.ts";
import { decodeChecked } from "./read.ts";
import { aesSealer, KEY_BYTES, type KeyRing, SealError } from "./sealer.ts";

const sealer = aesSealer(randomBytes(KEY_BYTES));
const keys: KeyRing = { ...plainKeys(), cached: () => sealer, sealer: async () => sealer };

/** What lies apart, by its name. */
const apart = new Map<string, Uint8Array>();
const bodies = {
  stream: "BODIES",
  get: async (_key: string, name: string) => apart.get(name),
} as unknown as Bodies;
/** As the appender encodes a record; `inlineBytes` 0 has every body apart. */
function encode(e: Envelope, inlineBytes: number): EncodedRecord {
  const encoded = encodeRecord(e, JSON.stringify(e.data), sealer, inlineBytes);
  if (encoded.body) apart.set(encoded.body.name, encoded.body.sealed);
  return encoded;
}

const token = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/);
const anAddress: fc.Arbitrary<Address> = fc
  .tuple(token, token, token)
  .map(([kind, key, id]) => address(kind, key, id));
const jsonObject = fc.dictionary(fc.string(), fc.jsonValue()) as fc.Arbitrary<JsonObject>;
const envelope: fc.Arbitrary<Envelope> = fc.record({
  id: token,
  type: fc.stringMatching(/^[a-z][A-Za-z0-9._-]{0,20}$/),
  from: anAddress,
  to: anAddress,
  at: fc.integer({ min: 0 }),
  epoch: fc.nat(),
  cause: fc.option(token, { nil: undefined }),
  correlation: fc.option(token, { nil: undefined }),
  traceparent: fc.option(token, { nil: undefined }),
  clear: jsonObject,
  data: jsonObject,
});

/** As JSON has it: without `-0` and members that are undefined. */
const asJson = <T>(value: T): T => JSON.parse(JSON.stringify(value));
const message = (data: Uint8Array, headers: Readonly<Record<string, string>>) => ({
  data,
  header: (name: string) => headers[name],
});

describe("a record", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(envelope, (e) => {
        const { payload, headers } = encodeRecord(e, JSON.stringify(e.data), sealer);
        const closed = decodeChecked(7, message(payload, headers));
        const opened = openRecord(closed, keys, bodies);
        if (opened instanceof Promise || !opened.ok) throw new Error("not opened");
        expect(asJson({ ...closed.envelope, data: opened.data })).toEqual(asJson(e));
      }),
    );
  });

  it("is read as it was written where its body lies apart", () =>
    fc.assert(
      fc.asyncProperty(envelope, async (e) => {
        const { payload, headers } = encode(e, 0);
        const closed = decodeChecked(7, message(payload, headers));
        const opened = await openRecord(closed, keys, bodies);
        if (!opened.ok) throw new Error("not opened");
        expect(asJson({ ...closed.envelope, data: opened.data })).toEqual(asJson(e));
      }),
    ));

  it("shows nothing of its sealed part", () => {
    const e = fc.sample(envelope, 1)[0]!;
    const secret = "Winterfeldtstr. 12";
    const { payload, headers } = encodeRecord(e, JSON.stringify({ street: secret }), sealer);
    const all = Buffer.from(payload).toString() + JSON.stringify(headers);
    for (const form of ["utf8", "base64", "hex"] as const) {
      expect(all).not.toContain(Buffer.from(secret).toString(form).slice(0, 16));
    }
  });

  it("can't be moved to another place: its sealed part opens nowhere else", () => {
    const [e] = fc.sample(envelope, 1);
    const { payload } = encodeRecord(e!, JSON.stringify(e!.data), sealer);
    const wire = JSON.parse(Buffer.from(payload).toString());
    for (const change of [{ id: "other" }, { to: "a/b/c" }]) {
      const moved = decodeRecord(7, Buffer.from(JSON.stringify({ ...wire, ...change })));
      expect(() => openRecord(moved, keys, bodies)).toThrow(SealError);
    }
  });

  it("whose headers say something else is refused", () => {
    const [e] = fc.sample(envelope, 1);
    const { payload, headers } = encodeRecord(e!, JSON.stringify(e!.data), sealer);
    const changes: Record<string, string>[] = [{ [HEADER_ID]: "other" }, { [HEADER_TO]: "a/b/c" }];
    for (const change of changes) {
      expect(() => decodeChecked(7, message(payload, { ...headers, ...change }))).toThrow(/differs/);
    }
  });
});

/** Anything that is not read throws one of these, which the host takes for a malformed record. */
const EXPECTED = /^(EnvelopeError|AddressError|SyntaxError|TypeError|SealError)$/;

async function readAnything(bytes: Uint8Array): Promise<void> {
  try {
    await openRecord(decodeRecord(7, bytes), keys, bodies);
  } catch (error) {
    expect((error as Error).name).toMatch(EXPECTED);
    expect((error as Error).message.length).toBeLessThan(1_000);
  }
}

describe("whatever lies in the log", () => {
  it("is read or refused: bytes", () =>
    fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), readAnything)));

  it("is read or refused: JSON of any shape", () =>
    fc.assert(fc.asyncProperty(fc.jsonValue(), (v) => readAnything(Buffer.from(JSON.stringify(v))))));

  const inlineBytes = fc.constantFrom(0, 65_536);

  it("is read or refused: records with a member that is something else", () => {
    const member = fc.constantFrom(
      "v",
      "id",
      "type",
      "from",
      "to",
      "at",
      "epoch",
      "cause",
      "clear",
      "sealed",
      "apart",
    );
    return fc.assert(
      fc.asyncProperty(envelope, inlineBytes, member, fc.jsonValue(), async (e, inline, name, value) => {
        const wire = JSON.parse(Buffer.from(encode(e, inline).payload).toString());
        await readAnything(Buffer.from(JSON.stringify({ ...wire, [name]: value })));
        delete wire[name];
        await readAnything(Buffer.from(JSON.stringify(wire)));
      }),
    );
  });

  it("is read or refused: records with bytes changed or cut off", () =>
    fc.assert(
      fc.asyncProperty(
        envelope,
        inlineBytes,
        fc.nat(),
        fc.integer({ min: 0, max: 255 }),
        async (e, inline, at, byte) => {
          const bytes = Uint8Array.from(encode(e, inline).payload);
          await readAnything(bytes.slice(0, at % bytes.length));
          bytes[at % bytes.length] = byte;
          await readAnything(bytes);
        },
      ),
    ));
});
