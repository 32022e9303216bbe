import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { iban, luhn } from "./checksums.ts";
import { Masker, unmask } from "./masking.ts";
import { SlotExtractor } from "./slots/index.ts";

const extractor = new SlotExtractor();
const mask = (masker: Masker, text: string): string => masker.mask(text, extractor.extract(text));

test("check digits", () => {
  expect(luhn("4111111111111111")).toBe(true);
  expect(luhn("4111111111111112")).toBe(false);
  expect(luhn("0000000000000000")).toBe(false);
  expect(iban("DE89 3704 0044 0532 0130 00")).toBe(true);
  expect(iban("DE89 3704 0044 0532 0130 01")).toBe(false);
});

describe("masking", () => {
  test("replaces values by typed tokens, the same one by the same token", () => {
    const masker = new Masker();
    expect(
      mask(
        masker,
        "My name is Mei Davis, mail mei@example.com or ana@example.com, zip 80217, order W1234567",
      ),
    ).toBe("My name is <NAME_1>, mail <EMAIL_1> or <EMAIL_2>, zip <POSTCODE_1>, order <ORDER_1>");
    expect(mask(masker, "as I said: MEI@example.com, W1234567")).toBe("as I said: <EMAIL_1>, <ORDER_1>");
  });

  test("cards and bank accounts, by their check digits", () => {
    const masker = new Masker();
    expect(mask(masker, "card 4111 1111 1111 1111, not 4111 1111 1111 1112")).toContain(
      "card <CARD_1>, not 4111",
    );
    expect(mask(masker, "pay to DE89 3704 0044 0532 0130 00 please")).toBe("pay to <IBAN_1> please");
    expect(mask(masker, "item 1151293680")).toBe("item 1151293680");
  });

  test("only a resolver brings values back; unknown tokens stay", () => {
    const masker = new Masker();
    const masked = mask(masker, "write to mei@example.com");
    expect(unmask(masked, (token) => masker.resolve(token))).toBe("write to mei@example.com");
    expect(unmask("<EMAIL_9> <EMAIL_1>", () => undefined)).toBe("<EMAIL_9> <EMAIL_1>");
  });

  test("goes on with the same tokens from its state", () => {
    const first = new Masker();
    mask(first, "a@example.com");
    const second = new Masker(JSON.parse(JSON.stringify(first)));
    expect(mask(second, "b@example.com and a@example.com")).toBe("<EMAIL_2> and <EMAIL_1>");
  });

  test("unmasking restores the text, whatever stands around a value", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), fc.emailAddress(), (around, email) => {
        const masker = new Masker();
        const text = `${around} ${email} ${around}`;
        const masked = mask(masker, text);
        if (!/<[A-Z]+_\d+>/.test(text))
          expect(unmask(masked, (t) => masker.resolve(t))).toHaveLength(text.length);
      }),
    );
  });
});
