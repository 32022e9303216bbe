import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SlotType } from "../types.ts";
import { type ExtractOptions, SlotExtractor } from "./extract.ts";

const extractor = new SlotExtractor();
/** Wednesday, 2024-05-15, 12:00 UTC. */
const NOW = Date.UTC(2024, 4, 15, 12);

function values(type: SlotType, text: string, options: ExtractOptions = {}): string[] {
  return extractor
    .extract(text, { now: NOW, ...options })
    .filter((e) => e.type === type)
    .map((e) => e.value);
}

describe("order numbers", () => {
  test.each([
    ["Where is #W1234567?", ["W1234567"]],
    ["where is order w1234567", ["W1234567"]],
    ["order 1234567 never came", ["W1234567"]],
    ["My order number is 1234567.", ["W1234567"]],
    ["Order #1234567, please", ["W1234567"]],
    ["orders W1234567 and #W7654321", ["W1234567", "W7654321"]],
    ["orders 1234567, 7654321 and 1112223", ["W1234567", "W7654321", "W1112223"]],
    ["Bestellnummer: 1234567", ["W1234567"]],
    ["ma commande 1234567 s'il vous plaît", ["W1234567"]],
    ["order 99123 is late", ["99123"]],
    ["I would like to order 2 bottles", []],
    ["the number 12345678901 is not an order", []],
    ["in order to pay 1500 dollars", []],
  ])("%s", (text, want) => {
    expect(values("order_number", text)).toEqual(want);
  });

  test("a bare number counts when it was asked for", () => {
    expect(values("order_number", "1234567", { expecting: ["order_number"] })).toEqual(["W1234567"]);
    expect(values("order_number", "1234567")).toEqual([]);
  });

  test("other shops write them otherwise", () => {
    const own = new SlotExtractor({
      orderNumbers: { formats: [{ pattern: "\\bORD-(\\d{4}-\\d{3})\\b", value: "ORD-$1" }] },
    });
    expect(own.extract("about ord-2024-017 please").find((e) => e.type === "order_number")?.value).toBe(
      "ORD-2024-017",
    );
  });
});

describe("e-mail", () => {
  test.each([
    ["I am Mei.Davis+shop@Example.co.uk.", ["mei.davis+shop@example.co.uk"]],
    ["a@b.de, c@d.org; e@f", ["a@b.de", "c@d.org"]],
    ["mei at example dot com", ["mei@example.com"]],
    ["meet me @ noon", []],
    ["jürgen@müller.de", ["jürgen@müller.de"]],
  ])("%s", (text, want) => {
    expect(values("email", text)).toEqual(want);
  });
});

describe("postcode", () => {
  test.each([
    ["My zip is 98178", ["98178"]],
    ["Noah Ito. ZIP 98178", ["98178"]],
    ["ZIP code: 98178-1234", ["98178-1234"]],
    ["my order 1234567, zip 80217 and $12345", ["80217"]],
    ["Mei Davis, 80217", ["80217"]],
    ["Denver, CO 80280", ["80280"]],
    ["I have 10000 points and live in 80217", ["80217"]],
    ["I paid $98178 for 12345 with zip 55555", ["55555"]],
    ["call 555-123-98178", []],
    ["SW1A 1AA", ["SW1A 1AA"]],
    ["my postcode is ec1y 8sy", ["EC1Y 8SY"]],
    ["K1A 0B1", ["K1A 0B1"]],
    ["Postleitzahl 10115 Berlin", ["10115"]],
    ["mijn postcode is 1012 ab", ["1012 AB"]],
    ["item 9690244451 from order #W4680753", []],
  ])("%s", (text, want) => {
    expect(values("postcode", text)).toEqual(want);
  });

  test("tells the country", () => {
    const country = (text: string) =>
      extractor.extract(text).find((e) => e.type === "postcode")?.detail?.country;
    expect(country("PLZ 10115")).toBe("DE");
    expect(country("code postal 75001")).toBe("FR");
    expect(country("zip 75001")).toBe("US");
    expect(country("SW1A 1AA")).toBe("GB");
  });
});

describe("dates", () => {
  test.each([
    ["2024-02-29", ["2024-02-29"]],
    ["2023-02-29", []],
    ["05/01/2024", ["2024-05-01"]],
    ["25/12/2023", ["2023-12-25"]],
    ["1.5.2024", ["2024-05-01"]],
    ["May 3rd, 2024", ["2024-05-03"]],
    ["on the 3rd of March", ["2024-03-03"]],
    ["am 24. Dezember", ["2023-12-24"]],
    ["yesterday", ["2024-05-14"]],
    ["the day before yesterday", ["2024-05-13"]],
    ["two weeks ago", ["2024-05-01"]],
    ["in 3 days", ["2024-05-18"]],
    ["last Monday", ["2024-05-13"]],
    ["next Wednesday", ["2024-05-22"]],
    ["vorgestern kam nichts", ["2024-05-13"]],
    ["il y a 2 jours", ["2024-05-13"]],
    ["a month ago", ["2024-04-15"]],
    ["24/7 support is 1/2 of it", []],
    ["I may order 3 of them", []],
  ])("%s", (text, want) => {
    expect(values("date", text)).toEqual(want);
  });

  test("today depends on the zone", () => {
    const late = Date.UTC(2024, 4, 15, 23, 30);
    expect(values("date", "today", { now: late, zone: "UTC" })).toEqual(["2024-05-15"]);
    expect(values("date", "today", { now: late, zone: "Europe/Berlin" })).toEqual(["2024-05-16"]);
  });

  test("the locale decides about day and month", () => {
    expect(values("date", "03/05/2024", { locale: "en-GB" })).toEqual(["2024-05-03"]);
    expect(values("date", "03/05/2024", { locale: "en-US" })).toEqual(["2024-03-05"]);
  });
});

describe("amounts", () => {
  test.each([
    ["$1,234.50", ["1234.50 USD"]],
    ["12,50 €", ["12.50 EUR"]],
    ["EUR 1.234,5", ["1234.50 EUR"]],
    ["£5", ["5.00 GBP"]],
    ["20 dollars", ["20.00 USD"]],
    ["a refund of $16.63.", ["16.63 USD"]],
    ["5 bottles", []],
  ])("%s", (text, want) => {
    expect(values("amount", text)).toEqual(want);
  });
  test("without a currency only when asked for", () => {
    expect(values("amount", "12.5", { expecting: ["amount"] })).toEqual(["12.50"]);
  });
});

describe("names", () => {
  test.each([
    ["My name is Mei Davis and my zip code is 80217.", ["Mei Davis"]],
    ["my name is mei davis and my zip is 80217", ["Mei Davis"]],
    ["Hi, it's Mei Davis", ["Mei Davis"]],
    ["- Name: Lei Wilson\n- ZIP: 32255", ["Lei Wilson"]],
    ["First name: Chen - Last name: Smith", ["Chen Smith"]],
    ["First name: Chen\nLast name: O'Neil", ["Chen O'Neil"]],
    ["Noah Ito. ZIP 98178", ["Noah Ito"]],
    ["Daiki Sanchez. ZIP 46236.\n\nIf you can't, cancel it.", ["Daiki Sanchez"]],
    ["Please find me: Mei Davis, 80217", ["Mei Davis"]],
    ["Hi, I'm Isabella Johansson. An order was lost.", ["Isabella Johansson"]],
    ["Ich heiße Jürgen von der Lühe", ["Jürgen von der Lühe"]],
    ["je m'appelle Zoë Leclerc", ["Zoë Leclerc"]],
    ["The order went to 101 Highway, New York, 10001", []],
    ["It's New York 10001", []],
    ["I'm very angry", []],
    ["This is Bluetooth Speaker season", []],
    ["I am waiting for my order", []],
  ])("%s", (text, want) => {
    expect(values("name", text)).toEqual(want);
  });
  test("a bare name when asked for", () => {
    expect(values("name", "mei davis", { expecting: ["name"] })).toEqual(["Mei Davis"]);
    expect(values("name", "Mei Davis, 80217", { expecting: ["name", "postcode"] })).toEqual(["Mei Davis"]);
    expect(values("name", "mei davis 80217", { expecting: ["name", "postcode"] })).toEqual(["Mei Davis"]);
    expect(values("name", "I don't have it", { expecting: ["name"] })).toEqual([]);
  });
});

describe("phones, items, quantities", () => {
  test.each([
    ["phone", "call me at (555) 123-4567", ["5551234567"]],
    ["phone", "+49 30 901820", ["+4930901820"]],
    ["phone", "my phone: 5551234567", ["5551234567"]],
    ["phone", "item 5551234567", []],
    ["item_id", "exchange item 1151293680 → 7706410293", ["1151293680", "7706410293"]],
    ["item_id", "tracking number 907614527588", []],
    ["item_id", "credit_card_9513926123", []],
    ["quantity", "2 bottles and a 5-piece puzzle, qty 3", ["2", "3"]],
    ["quantity", "1) first\n2) second", []],
    ["item_words", "I want to return the blue water bottle from my order", ["blue water bottle"]],
  ] as const)("%s: %s", (type, text, want) => {
    expect(values(type, text)).toEqual(want);
  });
});

describe("whatever comes in", () => {
  const noise = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 300 }),
    fc.string({ unit: "binary", maxLength: 300 }),
    fc
      .array(
        fc.constantFrom(
          "W",
          "1",
          "0",
          "@",
          ".",
          "-",
          " ",
          "€",
          "$",
          "name",
          "is",
          "zip",
          "İ",
          "\u0000",
          "\ud800",
          "ß",
        ),
        { maxLength: 200 },
      )
      .map((a) => a.join("")),
  );
  test("never throws; spans are in range, hold their text and do not overlap", () => {
    fc.assert(
      fc.property(noise, (text) => {
        let last = 0;
        for (const e of extractor.extract(text, {
          now: NOW,
          expecting: ["name", "postcode", "amount", "order_number", "quantity"],
        })) {
          expect(e.start).toBeGreaterThanOrEqual(last);
          expect(e.end).toBeGreaterThan(e.start);
          expect(e.end).toBeLessThanOrEqual(text.length);
          expect(text.slice(e.start, e.end)).toBe(e.text);
          last = e.end;
        }
      }),
      { numRuns: 300 },
    );
  });
});
