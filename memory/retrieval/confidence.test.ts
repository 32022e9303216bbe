import { describe, expect, it } from "vitest";
import { calibration, confidence, examplesOf, shippedCalibrationSet } from "./confidence.ts";

describe("confidence", () => {
  it("has a calibration set that names its own articles only", async () => {
    const { articles, questions } = await shippedCalibrationSet();
    const ids = new Set(articles.map(({ id }) => id));
    expect(ids.size).toBe(articles.length);
    for (const { text, answer } of questions) if (answer !== null) expect(ids, text).toContain(answer);
    expect(questions.filter(({ answer }) => answer === null).length).toBeGreaterThan(20);
  });

  it("tells answers from what only looks like one, by words alone too", async () => {
    const { examples, background } = await examplesOf(await shippedCalibrationSet(), undefined);
    const fitted = await calibration(examples, background);
    const mean = (right: boolean) => {
      const some = examples.filter((example) => example.right === right);
      const sum = some.reduce((total, { evidence }) => total + confidence(fitted, evidence, background), 0);
      return sum / some.length;
    };
    expect(mean(true)).toBeGreaterThan(mean(false) + 0.1);
    // Calibrated: it expects as many right ones as there are.
    const expected = examples.reduce(
      (sum, { evidence }) => sum + confidence(fitted, evidence, background),
      0,
    );
    expect(expected).toBeCloseTo(examples.filter(({ right }) => right).length, 0);
    expect(await calibration(examples, background)).toEqual(fitted);
  });
});
