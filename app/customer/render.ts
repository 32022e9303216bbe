/** The view of a customer as text for a terminal. */
import type { CustomerView } from "../../actors/customer-view/index.ts";
import type { Colors } from "../../runtime/config/cli.ts";
import { table } from "../chat/render.ts";

type Record = { readonly [key: string]: unknown };
type Part = { source: string; asOf: string; ageMs: number; total?: number; data: unknown };

const SECOND = 1_000;
const UNITS: readonly (readonly [string, number])[] = [
  ["d", 86_400 * SECOND],
  ["h", 3_600 * SECOND],
  ["min", 60 * SECOND],
  ["s", SECOND],
];

export function renderCustomer(view: CustomerView, colors: Colors): string {
  const { parts: p, missing, links } = view;
  const { bold, dim, red, yellow } = colors;
  const section = (title: string, part: Part | undefined, head: string[], rows: string[][]): string[] => {
    if (!part) return [];
    const shown = Array.isArray(part.data) ? part.data.length : undefined;
    const more = shown !== undefined && (part.total ?? 0) > shown ? `, ${shown} of ${part.total}` : "";
    const line = `${bold(title)} ${dim(`(${part.source}, ${aged(part.ageMs)}${more})`)}`;
    return [rows.length > 0 ? `${line}\n${table(head, rows, colors)}` : `${line}\nnone`];
  };
  const of = (kind: string, id: string, type: string): string =>
    links
      .filter(({ from, type: other }) => other === type && from.kind === kind && from.id === id)
      .map(({ to }) => to.id)
      .join(", ");
  const said = (order: string): string =>
    links
      .filter(({ type, to }) => type === "about" && to.kind === "order" && to.id === order)
      .map(({ from }) => from.id)
      .join(", ");

  const lacking = missing.map(({ part, source, code, reason }) =>
    red(`  ${part} (${source}): ${code}, ${reason}`),
  );
  const blocks = [
    `${bold("customer")} ${view.customerId}  ${dim(`${view.at}, gathered in ${view.tookMs} ms`)}`,
    ...(missing.length > 0 ? [[yellow("not complete, this is missing:"), ...lacking].join("\n")] : []),
    ...section("profile", p.profile, ["what", "value"], p.profile?.data ? who(p.profile.data) : []),
    ...section(
      "orders",
      p.orders,
      ["order", "status", "placed", "total", "items", "products", "spoken of in"],
      (p.orders?.data ?? []).map((o) => [
        o.id,
        text(o.status),
        day(o.placedAt),
        money(o.total, o.currency),
        names(o.items),
        of("order", o.id, "contains"),
        said(o.id),
      ]),
    ),
    ...section(
      "invoices",
      p.invoices,
      ["invoice", "status", "issued", "amount", "for"],
      (p.invoices?.data ?? []).map((i) => [
        text(i.number ?? i.id),
        text(i.status),
        day(i.issuedAt),
        money(i.amount, i.currency),
        text(i.orderId ?? i.subscriptionId),
      ]),
    ),
    ...section(
      "subscriptions",
      p.subscriptions,
      ["subscription", "plan", "status", "price", "renews or ends"],
      (p.subscriptions?.data ?? []).map((s) => [
        s.id,
        text(s.plan),
        text(s.status),
        money(s.price, s.currency),
        day(s.renewsAt ?? s.endsAt),
      ]),
    ),
    ...section(
      `usage${p.usage?.data ? ` ${p.usage.data.month}` : ""}`,
      p.usage,
      ["metric", "used", "of"],
      (p.usage?.data?.metrics ?? []).map((m) => [
        m.metric,
        String(m.used),
        `${m.limit}${m.unit ? ` ${m.unit}` : ""}`,
      ]),
    ),
    ...section("offers", p.offers, ["offer", "when", "price"], offers(p.offers?.data)),
    ...section(
      "conversations",
      p.conversations,
      ["conversation", "state", "outcome", "last said", "orders", "what it was about"],
      (p.conversations?.data ?? []).map((c) => [
        c.id,
        text(c.state),
        c.outcome === null ? "none yet" : text(c.outcome),
        minute(c.lastSaidAt ?? c.knownAt),
        c.orders.join(", "),
        text(c.summary).replaceAll("\n", " "),
      ]),
    ),
    ...section(
      "facts",
      p.facts,
      ["fact", "recorded", "said in", "text"],
      (p.facts?.data ?? []).map((f) => [
        f.type,
        aged(f.ageMs),
        f.said.conversation,
        f.text.replaceAll("\n", " "),
      ]),
    ),
  ];
  return blocks.join("\n\n");
}

function who(c: Record): string[][] {
  const address = c.address as Record | undefined;
  const methods = Array.isArray(c.paymentMethods) ? (c.paymentMethods as Record[]) : [];
  const where = ["line1", "line2", "postcode", "city", "state", "country"].map((name) =>
    text(address?.[name]),
  );
  const labels = methods.map(({ label, problem }) => `${text(label)}${problem ? ` (${text(problem)})` : ""}`);
  return [
    ["name", text(c.name ?? [c.firstName, c.lastName].map(text).join(" "))],
    ["e-mail", text(c.email)],
    ["telephone", text(c.phone)],
    ["address", where.filter((line) => line !== "").join(", ")],
    ["pays with", labels.join(", ")],
    ["since", day(c.since)],
  ].filter(([, value]) => value !== "");
}

function offers(data: { offers: Record[]; nextPlan: Record | null } | undefined): string[][] {
  if (!data) return [];
  const { nextPlan } = data;
  return [
    ...data.offers.map((o) => [text(o.name ?? o.id), `on ${text(o.on)}`, money(o.price, o.currency)]),
    ...(nextPlan
      ? [[`plan ${text(nextPlan.name)}`, "on upgrade", money(nextPlan.price, nextPlan.currency)]]
      : []),
  ];
}

/** `now`, `3 min ago`. */
function aged(ms: number): string {
  const unit = UNITS.find(([, size]) => ms >= size);
  return unit ? `${Math.floor(ms / unit[1])} ${unit[0]} ago` : "now";
}

const text = (value: unknown): string => (value === undefined || value === null ? "" : String(value));
const day = (value: unknown): string => text(value).slice(0, 10);
const minute = (value: unknown): string => text(value).slice(0, 16).replace("T", " ");
const money = (amount: unknown, currency: unknown): string =>
  typeof amount === "number" ? `${amount.toFixed(2)} ${text(currency)}`.trim() : "";
const names = (items: unknown): string =>
  Array.isArray(items) ? items.map((item) => text((item as Record).name)).join(", ") : "";
