import { describe, expect, it } from "vitest";
import type { Product } from "../backoffice/index.ts";
import { chooseVariants } from "./variants.ts";

const shirt: Product = {
  id: "p",
  name: "T-Shirt",
  variants: [
    { itemId: "1", options: { color: "red", size: "M", material: "cotton" }, available: true, price: 20 },
    { itemId: "2", options: { color: "blue", size: "M", material: "cotton" }, available: true, price: 21 },
    { itemId: "3", options: { color: "blue", size: "XL", material: "wool" }, available: true, price: 22 },
    {
      itemId: "4",
      options: { color: "navy blue", size: "M", material: "cotton" },
      available: false,
      price: 23,
    },
  ],
};
const ids = (text: string, options = {}) => chooseVariants(shirt, text, options).matches.map((v) => v.itemId);

describe("variants", () => {
  it("have what the text asks for", () => {
    expect(ids("a blue one please")).toEqual(["2", "3"]);
    expect(ids("blue, in size XL")).toEqual(["3"]);
    expect(ids("blue in medium")).toEqual(["2"]);
    expect(ids("wool, extra large")).toEqual(["3"]);
  });
  it("are known by what they lack, however that is said", () => {
    const buds: Product = {
      id: "b",
      name: "Earbuds",
      variants: ["not resistant", "IPX7"].map((resistance, n) => ({
        itemId: `${n}`,
        options: { "water resistance": resistance },
        available: true,
        price: 1,
      })),
    };
    for (const text of ["not water-resistant", "without water resistance", "non-resistant please"]) {
      expect(
        chooseVariants(buds, text).matches.map((v) => v.itemId),
        text,
      ).toEqual(["0"]);
    }
    expect(chooseVariants(buds, "water resistance matters").matches).toEqual([]);
  });
  it("keep the customer's other options first", () => {
    expect(ids("the same in blue", { like: "1" })[0]).toBe("2");
  });
  it("leave out what somebody does not want", () => {
    expect(ids("blue instead of the red one")).toEqual(["2", "3"]);
    expect(ids("not the red but the blue one")).toEqual(["2", "3"]);
  });
  it("take the longer of two values when one holds the other", () => {
    expect(chooseVariants(shirt, "navy blue").wanted).toEqual({ color: ["navy blue"] });
    expect(ids("navy blue", { available: true })).toEqual([]);
  });
  it("do not take a letter of a sentence for a size", () => {
    expect(chooseVariants(shirt, "I'm not sure, m or something").wanted).toEqual({});
    expect(chooseVariants(shirt, "size m").wanted).toEqual({ size: ["M"] });
  });
  it("name the nearest when nothing has all of it", () => {
    const choice = chooseVariants(shirt, "red wool");
    expect(choice.matches).toEqual([]);
    expect(choice.nearest.map((v) => v.itemId).sort()).toEqual(["1", "3"]);
  });
  it("understand yes and no, and numbers with their unit apart", () => {
    const camera: Product = {
      id: "c",
      name: "Camera",
      variants: [
        { itemId: "1", options: { waterproof: "yes", storage: "256GB" }, available: true, price: 1 },
        { itemId: "2", options: { waterproof: "no", storage: "512GB" }, available: true, price: 1 },
      ],
    };
    expect(chooseVariants(camera, "a waterproof one").matches.map((v) => v.itemId)).toEqual(["1"]);
    expect(chooseVariants(camera, "it need not be waterproof").matches.map((v) => v.itemId)).toEqual(["2"]);
    expect(chooseVariants(camera, "with 512 GB").matches.map((v) => v.itemId)).toEqual(["2"]);
  });
});
