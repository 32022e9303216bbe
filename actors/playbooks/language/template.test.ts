import { describe, expect, it } from "vitest";
import { parseTemplate, render, renderValue, TemplateError } from "./template.ts";

const scope = {
  order: {
    id: "#W1",
    status: "return_requested",
    total: 1234.5,
    currency: "EUR",
    placedAt: "2026-03-04T22:30:00Z",
    items: [
      { name: "Lamp", price: 10, options: { color: "black", dimmable: "yes" } },
      { name: "Clock", price: 5.5, options: {} },
    ],
    address: { line1: "1 A Road", city: "B", state: "CA", postcode: "90001", country: "USA" },
  },
  names: ["a", "b", "c"],
  zero: 0,
};
const text = (source: string) => render(parseTemplate(source), scope);

describe("texts", () => {
  it.each([
    ["{{ order.id | number }} is {{ order.status | status }}", "#W1 is return requested"],
    ["{{ order.total | money }}", "€1,234.50"],
    ['{{ order.total | money "CHF" }}', "1,234.50 CHF"],
    ["{{ zero - 3 | money }}", "-€3.00"],
    ["{{ order.placedAt | date }}", "4 March 2026"],
    ['{{ names | list }} / {{ names | list "or" }}', "a, b and c / a, b or c"],
    ["{{ order.items | items }}", "Lamp €10.00 and Clock €5.50"],
    ["{{ order.items | itemlist }}", "- Lamp (black, dimmable: yes) €10.00\n- Clock €5.50"],
    ["{{ order | brief }}", "#W1, return requested: Lamp €10.00, Clock €5.50; total €1,234.50"],
    ["{{ order.address | address }}", "1 A Road, B, CA 90001, USA"],
    ['{{ names | plural "thing" "things" }}', "3 things"],
    ["{{ zero }}", "0"],
  ])("%s", (source, expected) => {
    expect(text(source)).toBe(expected);
  });

  it("leaves out a part in [[ ]] when something in it is not known", () => {
    expect(
      text("It came[[ on {{ order.deliveredAt | date }}]][[, ordered {{ order.placedAt | date }}]]."),
    ).toBe("It came, ordered 4 March 2026.");
  });

  it("leaves out the line when something is missing outside of [[ ]]", () => {
    expect(text("First\nExpected {{ order.expectedAt | date }}\nLast")).toBe("First\nLast");
  });

  it("gives the raw value when there is nothing but one expression", () => {
    expect(renderValue("{{ names }}", scope)).toEqual(["a", "b", "c"]);
    expect(renderValue("{{ missing }}", scope)).toBeUndefined();
    expect(renderValue("n: {{ zero }}", scope)).toBe("n: 0");
  });

  it("reads a date without a zone from no machine's zone", () => {
    expect(render(parseTemplate("[[{{ d | date }}]]"), { d: "2026-03-04T10:00:00" })).toBe("");
  });

  it.each(["{{ a", "[[ a", "{{ a | nothing }}", "{{ }}", "{{ a b }}"])("refuses %j", (source) => {
    expect(() => parseTemplate(source)).toThrow(TemplateError);
  });

  it("puts text from records in as it is", () => {
    expect(render(parseTemplate("Hi {{ name }}"), { name: "{{ order.id }} [[x]]" })).toBe(
      "Hi {{ order.id }} [[x]]",
    );
  });
});
