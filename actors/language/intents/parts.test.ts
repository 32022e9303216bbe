import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UsageError } from "../../../runtime/config/errors.ts";
import { auroc, calibrationError, fitFusion, fitLogistic, logit } from "./calibration.ts";
import { parseRows } from "./csv.ts";
import { LinearDiscriminant } from "./discriminant.ts";
import { LexicalFeatures, tokens } from "./lexical.ts";
import { MultinomialRegression, seeded } from "./regression.ts";
import { segments } from "./segments.ts";
import { Speller } from "./spelling.ts";
import { chooseThreshold } from "./threshold.ts";

describe("lexical features", () => {
  test("tokens are folded, numbers are all the same", () => {
    expect(tokens("Où est la commande 123?")).toEqual(["ou", "est", "la", "commande", "0"]);
  });
  test("vectors have length 1 where anything is known, and survive JSON", () => {
    const lexicon = LexicalFeatures.fit(["where is my order", "cancel my plan"]);
    const again = LexicalFeatures.fromJSON(JSON.parse(JSON.stringify(lexicon)));
    const { values } = lexicon.vector("where is my plan");
    expect(values.reduce((sum, v) => sum + v * v, 0)).toBeCloseTo(1, 5);
    expect(again.vector("where is my plan")).toEqual(lexicon.vector("where is my plan"));
    expect(lexicon.vector("").values).toHaveLength(0);
  });
});

describe("regression", () => {
  test("learns what is separable, the same each time", async () => {
    const texts = ["red apple", "green apple", "apple pie", "fast car", "old car", "car race"];
    const targets = [0, 0, 0, 1, 1, 1];
    const lexicon = LexicalFeatures.fit(texts);
    const vectors = texts.map((t) => lexicon.vector(t));
    const train = () => MultinomialRegression.train(vectors, targets, 2, lexicon.size);
    const [one, two] = [await train(), await train()];
    expect(one.weights).toEqual(two.weights);
    const [apple, car] = one.scores(lexicon.vector("an apple"));
    expect(apple!).toBeGreaterThan(car!);
  });
});

describe("discriminant analysis", () => {
  test("finds the class with the nearest mean in the metric of the data", async () => {
    const random = seeded(3);
    // The second component is noise and ten times as wide as the difference in the first.
    const vectors = Array.from({ length: 200 }, (_, i) =>
      Float32Array.of(i % 2 ? 0.5 : -0.5, 10 * (random() - 0.5)),
    );
    const model = await LinearDiscriminant.train(
      vectors,
      vectors.map((_, i) => i % 2),
      2,
      { shrinkage: 0.01 },
    );
    const right = vectors.filter((v, i) => model.scores(v)[1]! > model.scores(v)[0]! === (i % 2 === 1));
    expect(right).toHaveLength(200);
  });
});

describe("calibration", () => {
  test("expected calibration error", () => {
    expect(calibrationError([0.9, 0.9, 0.9, 0.9], [true, true, true, true])).toBeCloseTo(0.1);
    expect(calibrationError([0.5, 0.5], [true, false])).toBeCloseTo(0);
    expect(calibrationError([], [])).toBe(0);
  });
  test("area under the curve, ties count half", () => {
    expect(auroc([2, 3], [0, 1])).toBe(1);
    expect(auroc([1], [1])).toBe(0.5);
    expect(auroc([0], [1])).toBe(0);
  });
  test("logistic regression: more of a feature, more likely", () => {
    const rows = Array.from({ length: 40 }, (_, i) => [i / 40]);
    const model = fitLogistic(
      rows,
      rows.map((_, i) => i >= 20),
    );
    expect(logit(model, [0.9])).toBeGreaterThan(0);
    expect(logit(model, [0.1])).toBeLessThan(0);
  });
  test("fusion leans on the evidence that is right", () => {
    const noise = seeded(5);
    const examples = Array.from({ length: 100 }, (_, i) => ({
      target: i % 2,
      lexical: Float32Array.of(noise(), noise()),
      semantic: i % 2 ? Float32Array.of(0, 1) : Float32Array.of(1, 0),
    }));
    const { lexical, semantic } = fitFusion(examples);
    expect(semantic).toBeGreaterThan(lexical);
  });
});

describe("threshold", () => {
  const row = (inside: number, within: boolean, right = within) => ({
    inside,
    confidence: inside,
    within,
    right,
  });
  test("parts known from foreign", () => {
    const t = chooseThreshold([
      row(0.9, true),
      row(0.8, true),
      row(0.7, true),
      row(0.2, false),
      row(0.1, false),
    ]);
    expect(t).toBeGreaterThan(0.2);
    expect(t).toBeLessThan(0.7);
  });
  test("without foreign rows few known ones are turned away", () => {
    const rows = Array.from({ length: 100 }, (_, i) => row(i / 100, true));
    expect(chooseThreshold(rows)).toBeCloseTo(0.05);
  });
});

describe("CSV", () => {
  const bad = (content: string): string => {
    try {
      parseRows(content, "t.csv");
    } catch (error) {
      expect(error).toBeInstanceOf(UsageError);
      return (error as Error).message;
    }
    throw new Error("no error");
  };
  test("quotes, commas, more columns", () => {
    expect(parseRows('text,label,note\n"hello, you",greet,x\n', "t.csv")).toEqual([
      { text: "hello, you", label: "greet" },
    ]);
  });
  test("says where and how to mend it", () => {
    expect(bad("a;b\nx;y\n")).toMatch(/line 1 .*"text" and "label"/);
    expect(bad("text,label\nhi,greet\n,greet\n")).toMatch(/row 2 \(line 3\) has no text/);
    expect(bad("text,label\nhi,\n")).toMatch(/row 1 .*no label/);
    expect(bad("text,label\nhi, you,greet\n")).toMatch(/row 1 .*3 columns instead of 2/);
    expect(bad('text,label\n"hi,greet\n')).toMatch(/not CSV/);
    expect(bad("text,label\n")).toMatch(/no row/);
    expect(bad("")).toMatch(/empty/);
  });
});

describe("pieces of a message", () => {
  test("sentences, list entries, and second wishes within one", () => {
    const texts = segments(
      "Hi there! I want to return a hose, and I also need to exchange the boots.\n- First: the address is wrong\n- second one is fine",
    ).map((s) => s.text);
    expect(texts).toEqual([
      "Hi there!",
      "I want to return a hose",
      "I also need to exchange the boots.",
      "First: the address is wrong",
      "second one is fine",
    ]);
  });
  test("spans are in range and ordered", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (text) => {
        let last = 0;
        for (const s of segments(text)) {
          expect(text.slice(s.start, s.end)).toBe(s.text);
          expect(s.start).toBeGreaterThanOrEqual(last);
          last = s.end;
        }
      }),
    );
  });
});

test("slips of the hand", () => {
  const speller = new Speller(["order", "refund", "address", "payment", "cancel", "charged"]);
  expect(speller.correct("cancle my oredr, chagned adress, paymnet refudn")).toBe(
    "cancel my order, chagned address, payment refund",
  );
  expect(speller.correct("changed charges Oredr")).toBe("changed charges Oredr");
});
