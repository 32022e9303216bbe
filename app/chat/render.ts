/** Answers of the admin API as text for a terminal. */
import type { Colors } from "../../runtime/config/cli.ts";

/** Columns as wide as their widest cell; colours are put on afterwards. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], colors: Colors): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? "").length)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => (i === cells.length - 1 ? cell : cell.padEnd(widths[i]!))).join("  ");
  return [colors.dim(line(head)), ...rows.map(line)].join("\n");
}

export interface TraceAnswer {
  readonly conversationId: string;
  readonly records: readonly {
    readonly seq: number;
    readonly at: string;
    readonly type: string;
    readonly from: string;
    readonly to: string;
    readonly cause?: { readonly seq?: number; readonly type?: string };
    readonly queueWaitMs?: number;
    readonly durationMs?: number;
    readonly what?: string;
    readonly data?: unknown;
  }[];
}

/** `conversation/<id>/<id>` → `conversation`; `handoff/<id>/<id>-h1` → `handoff h1`. */
function shortAddress(text: string, conversation: string): string {
  const [kind = "", key, id = ""] = text.split("/");
  if (id === key || id === kind) return kind;
  const rest = id.startsWith(`${conversation}-`) ? id.slice(conversation.length + 1) : id;
  return kind === "service" ? rest : `${kind} ${rest.length > 12 ? `${rest.slice(0, 8)}…` : rest}`;
}

export function renderTrace(trace: TraceAnswer, colors: Colors): string {
  const first = trace.records[0] ? Date.parse(trace.records[0].at) : 0;
  const ms = (value: number | undefined) => (value === undefined ? "" : `${value} ms`);
  const rows = trace.records.map((r) => [
    String(r.seq),
    `+${((Date.parse(r.at) - first) / 1000).toFixed(3)}`,
    shortAddress(r.from, trace.conversationId),
    shortAddress(r.to, trace.conversationId),
    r.type,
    r.cause ? `${r.cause.seq ?? "?"} ${r.cause.type ?? "(elsewhere)"}` : "from outside",
    ms(r.queueWaitMs),
    ms(r.durationMs),
    [r.what ?? "", r.data === undefined ? "" : JSON.stringify(r.data)].filter((t) => t !== "").join(" "),
  ]);
  const head = ["seq", "time s", "from", "to", "type", "why", "waited", "took", "what"];
  return table(head, rows, colors);
}

/** What else there is to know of a service: which model, how many articles, why it is not well. */
function particulars(name: string, health: any): string {
  const parts: string[] = [];
  if (name === "model") {
    parts.push(health.provider === "none" ? "none configured" : `${health.model} (${health.provider})`);
    if (health.present === false) parts.push("not listed by the server: bin/bailiwick doctor");
    if (health.loading) parts.push("being loaded");
    const { prompt = 0, completion = 0 } = health.tokens ?? {};
    if (prompt + completion > 0) parts.push(`${prompt} tokens in, ${completion} out`);
  }
  if (name === "knowledge") parts.push(`${health.articles} articles`);
  if (health.problems?.length > 0)
    parts.push(`${health.problems.length} left out, first ${health.problems[0]}`);
  if (typeof health.reason === "string") parts.push(health.reason);
  if (health.state !== "up" && health.lastFailure) {
    parts.push(
      `${health.failures} failures, last ${health.lastFailure.what} at ${new Date(health.lastFailure.at).toISOString()}`,
    );
  }
  return parts.join(", ");
}

/** `4 parts, 0 restarts` */
function parts(supervision: any): string {
  const children: { state: string; restarts: number }[] = supervision?.children ?? [];
  const restarts = children.reduce((n, child) => n + child.restarts, 0);
  const down = children.filter((child) => child.state !== "running").length;
  return `${children.length} parts${down > 0 ? `, ${down} not running` : ""}, ${restarts} restarts`;
}

export function renderStatus(s: any, colors: Colors): string {
  const { bold, green, red, yellow } = colors;
  const pairs = (counts: Record<string, number>) =>
    Object.entries(counts)
      .map(([name, n]) => `${n} ${name.replaceAll("_", " ")}`)
      .join(", ") || "none";
  const broken = Object.entries(s.services as Record<string, any>)
    .filter(([, health]) => health.state === "open" || health.state === "probing")
    .map(([name, health]) => `${name} ${health.state}`);
  const queued = Object.values(s.services as Record<string, any>).reduce((n, h) => n + (h.waiting ?? 0), 0);
  const [own, ...others] = (s.nodes ?? []) as { name: string; pid: number; url?: string; state?: string }[];
  const cluster = s.node?.cluster?.partitions;
  const lines = [
    ...(own
      ? [
          `${bold("node")}           ${own.name}, ${own.url ?? "starting"}, process ${own.pid}, version ${s.version}, ${parts(s.supervision)}`,
        ]
      : []),
    ...(cluster
      ? [
          `${bold("cluster")}        ${cluster.owned} of ${cluster.all} partitions here; ${others.map((n) => `${n.name} ${n.state}`).join(", ") || "no other node"}`,
        ]
      : []),
    `${bold("workspace")}      ${s.workspace}, counting since ${s.since}`,
    `${bold("log")}            head ${s.node?.log?.head}, ${s.node?.log?.partitions} partitions, nats-server ${s.node?.nats?.server} ${s.node?.nats?.status ?? ""}`,
    `${bold("actors")}         ${s.node?.host?.cells} in memory, ${s.node?.host?.timers} timers, ${s.node?.host?.crashes} crashes`,
    `${bold("conversations")}  ${s.conversations.open} open (${pairs(s.conversations.byState)}), ${s.conversations.opened} opened`,
    `${bold("messages")}       ${s.messages} in, ${s.replies} replies, ${Number(s.repliesPerSecond).toFixed(1)} replies/s`,
    `${bold("outcomes")}       ${pairs(s.outcomes)}`,
    `${bold("hand-offs")}      ${s.handoffs.waiting > 0 ? yellow(`${s.handoffs.waiting} waiting`) : "0 waiting"}, ${s.handoffs.opened} opened (${pairs(s.handoffs.byReason)})`,
  ];
  lines.push(
    `${bold("queues")}         ${s.node?.host?.waiting} records, ${queued} calls, ${s.node?.host?.unacknowledged} unacknowledged`,
    `${bold("breakers")}       ${broken.length > 0 ? red(broken.join(", ")) : "none open"}`,
  );
  if (s.node?.host?.diverged > 0)
    lines.push(
      red(
        `${s.node.host.diverged} of ${s.node.host.checked} sampled states diverge from the log: the desk's own log names them`,
      ),
    );
  if (s.handoffs.unknowns > 0)
    lines.push(red(`${s.handoffs.unknowns} effects unknown: bin/bailiwick unknowns list`));
  if (s.deadLetters > 0) lines.push(red(`${s.deadLetters} given up on: bin/bailiwick dead-letters list`));
  const services = Object.entries(s.services as Record<string, any>).map(([name, health]) => {
    const state = String(health.state ?? "up");
    const shown = (state === "up" ? green : red)(state.padEnd(9));
    return `  ${name.padEnd(14)} ${shown} ${particulars(name, health)}`.trimEnd();
  });
  if (services.length > 0) lines.push(bold("services"), ...services);
  if (s.latest.length > 0) {
    lines.push(
      bold("latest"),
      ...s.latest.slice(0, 5).map((l: { id: string; at: string }) => `  ${l.id}  ${l.at}`),
    );
  }
  return lines.join("\n");
}
