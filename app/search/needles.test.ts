import { expect, it } from "vitest";
import { Finder, needlesOf } from "./needles.ts";

const found = (term: string, ...pieces: (string | Uint8Array)[]): Readonly<Record<string, number>> => {
  const finder = new Finder(needlesOf(term));
  for (const piece of pieces) finder.push(Buffer.from(piece as string));
  return finder.counts;
};

it("finds a term in each form in which it can lie somewhere", () => {
  const term = "Zoë O'Brien-Łuk";
  expect(found(term, `said ${term}.`)).toEqual({ text: 1 });
  expect(found(term, `said ${term.normalize("NFD")}.`)).toEqual({ text: 1 });
  expect(found(term, Buffer.from(term, "utf16le"))).toEqual({ "UTF-16": 1 });
  expect(found("Zoë Brien", Buffer.from("Zoë Brien", "latin1"))).toEqual({ "Latin-1": 1 });
  expect(found(term, "Zo\\u00eb O'Brien-\\u0141uk")).toEqual({ JSON: 1 });
  expect(found(term, "Zo\\u00EB O'Brien-\\u0141uk")).toEqual({ JSON: 1 });
  expect(found('say "hi"', JSON.stringify('I say "hi" to you'))).toEqual({ JSON: 1 });
  expect(found('say "hi"', JSON.stringify(JSON.stringify('I say "hi" to you')))).toEqual({
    "JSON in JSON": 1,
  });
  expect(found(term, `?q=${encodeURIComponent(term)}&x`)).toEqual({ URL: 1 });
  expect(found(term, Buffer.from(`x${term}`).toString("hex"))).toEqual({ hex: 1 });
  expect(found(term, Buffer.from(`x${term}`).toString("hex").toUpperCase())).toEqual({ hex: 1 });
  for (const before of ["", "a", "ab", "abc"]) {
    for (const after of ["", "z", "zz"]) {
      const text = Buffer.from(`${before}${term}${after}`);
      expect(found(term, text.toString("base64")), `${before}…${after}`).toEqual({ base64: 1 });
      expect(found(term, text.toString("base64url")), `${before}…${after}`).toEqual({ base64: 1 });
    }
  }
  expect(found(term, "Zoe O'Brien-Luk")).toEqual({});
});

it("finds it wherever bytes are cut into pieces, and counts it once", () => {
  const text = "…aquarium, aquarium and aquarium…";
  for (let at = 1; at < text.length; at++)
    expect(found("aquarium", text.slice(0, at), text.slice(at)), `at ${at}`).toEqual({ text: 3 });
  expect(found("aquarium", ...text)).toEqual({ text: 3 });
});

it("keeps apart what does not belong together", () => {
  const finder = new Finder(needlesOf("aquarium"));
  finder.push(Buffer.from("aqua"));
  finder.cut();
  finder.push(Buffer.from("rium"));
  expect(finder.total).toBe(0);
});
