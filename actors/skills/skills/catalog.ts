/** Products and their variants. */
import { z } from "zod";
import { lower, type Product, type Reader, Refusal } from "../backoffice/index.ts";
import { nameWords } from "../matching/items.ts";
import { chooseVariants } from "../matching/variants.ts";
import { Text } from "../matching/words.ts";
import { type AnySkill, read } from "../skill.ts";

const which = {
  productId: z.string().optional(),
  /** The product's name, or a text that holds it. */
  name: z.string().max(50_000).optional(),
  /** One of its variants. */
  itemId: z.string().optional(),
};

async function productOf(
  reader: Reader & { list(c: "products"): Promise<Product[]> },
  input: { productId?: string; name?: string; itemId?: string },
): Promise<Product> {
  const byId = input.productId ? await reader.get("products", input.productId) : undefined;
  const byItem = !byId && input.itemId ? (await reader.by("products", "itemId", input.itemId))[0] : undefined;
  const found = byId ?? byItem ?? (input.name ? await productNamed(reader, input.name) : undefined);
  if (!found) throw new Refusal("not_found", "unknown_product", "there is no such product");
  return found;
}

/** By exact name, else the one product all of whose words the text holds (the longest such name). */
async function productNamed(
  reader: Reader & { list(c: "products"): Promise<Product[]> },
  name: string,
): Promise<Product | undefined> {
  const exact = (await reader.by("products", "name", lower(name)))[0];
  if (exact) return exact;
  const text = new Text(name);
  return (await reader.list("products"))
    .filter((p) => nameWords(p.name).every((word) => text.has(word)))
    .sort((a, b) => b.name.length - a.name.length)[0];
}

export const catalog: readonly AnySkill[] = [
  read({
    name: "catalog.product",
    description: "A product with all its variants, prices and what is available.",
    input: z.strictObject(which),
    reasons: ["unknown_product"],
    run: async (input, { office }) => {
      const product = await productOf(office, input);
      const available = product.variants.filter((v) => v.available);
      const prices = (available.length > 0 ? available : product.variants).map((v) => v.price);
      return {
        ...product,
        currency: (await office.settings()).currency,
        available: available.length,
        ...(prices.length > 0 ? { fromPrice: Math.min(...prices), toPrice: Math.max(...prices) } : {}),
      };
    },
  }),
  read({
    name: "catalog.variants",
    description: "Variants of a product that have the options that a text asks for.",
    input: z.strictObject({
      ...which,
      wanted: z.string().max(16_384).default(""),
      /** Options by name, instead of text. */
      options: z.record(z.string(), z.string()).optional(),
      /** The variant that the customer has: its other options are kept where possible. */
      like: z.string().optional(),
      available: z.boolean().default(true),
    }),
    reasons: ["unknown_product"],
    run: async (input, { office }) => {
      const product = await productOf(office, { ...input, itemId: input.itemId ?? input.like });
      const { wanted, matches, nearest } = chooseVariants(product, input.wanted, {
        like: input.like,
        wanted: input.options,
        available: input.available ? true : undefined,
      });
      const named = (list: typeof matches) => list.map((v) => ({ ...v, name: product.name }));
      return {
        productId: product.id,
        name: product.name,
        wanted,
        matches: named(matches),
        nearest: named(nearest),
      };
    },
  }),
];
