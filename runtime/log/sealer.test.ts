import { describe, expect, it } from "vitest";
import { aesSealer, SealError } from "./sealer.ts";

const text = Buffer.from("Grace Hopper, 1 Navy Street");

describe("a sealer", () => {
  const sealer = aesSealer(Buffer.alloc(32, 7));

  it("opens what it sealed, never twice the same", () => {
    const [a, b] = [sealer.seal(text, "r1/to"), sealer.seal(text, "r1/to")];
    expect(a.equals(b)).toBe(false);
    expect(sealer.open(a, "r1/to")).toEqual(text);
    expect(sealer.open(sealer.seal(Buffer.alloc(0), "x"), "x")).toHaveLength(0);
  });

  it("does not repeat a nonce", () => {
    const nonces = new Set<string>();
    for (let i = 0; i < 5_000; i++) nonces.add(sealer.seal(text, "").subarray(0, 12).toString("hex"));
    expect(nonces.size).toBe(5_000);
  });

  it("refuses what was changed, anywhere", () => {
    const sealed = sealer.seal(text, "r1/to");
    for (let i = 0; i < sealed.length; i++) {
      const changed = Buffer.from(sealed);
      changed[i]! ^= 1;
      expect(() => sealer.open(changed, "r1/to")).toThrow(SealError);
    }
    for (const length of [0, 10, 27, sealed.length - 1]) {
      expect(() => sealer.open(sealed.subarray(0, length), "r1/to")).toThrow(SealError);
    }
  });

  it("refuses what belongs to another place or key", () => {
    const sealed = sealer.seal(text, "r1/to");
    expect(() => sealer.open(sealed, "r2/to")).toThrow(SealError);
    expect(() => aesSealer(Buffer.alloc(32, 8)).open(sealed, "r1/to")).toThrow(SealError);
    expect(() => aesSealer(Buffer.alloc(16))).toThrow(SealError);
  });
});
