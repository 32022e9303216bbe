/**
 * Answers to free questions: an article that fits is quoted and cited; else a model is asked, and what it says is only
 * passed on when evidence holds every fact in it; else the desk asks back.
 */
import type { Json } from "../../runtime/json.ts";
import type { Citation } from "../playbooks/protocol.ts";
import { cut } from "./history.ts";
import { endTurn } from "./reply.ts";
import type { Step } from "./step.ts";
import { readings } from "./wanted.ts";
import { say } from "./wording.ts";

const PASSAGES = 4;
/** Characters of an article that are quoted. */
const QUOTE = 600;
const EVIDENCE = 1_500;

export type Answered = "waiting" | "answered" | "unanswered";

export function search(s: Step): void {
  s.c.passages = [];
  s.ask(
    { kind: "search" },
    "knowledge",
    "search",
    { text: aboutRun(s, cut(s.c.now!.text, 1_000)), k: PASSAGES },
    s.options.searchMs,
  );
  s.go("answering");
}

/** A question on the way is about what is under way: “do you charge for that?” while something is exchanged. */
export function aboutRun(s: Step, question: string): string {
  const { run } = s.c;
  return run ? `${run.label}: ${question}` : question;
}

export function searched(s: Step, ok: boolean): Answered {
  const found: any[] = ok && Array.isArray(s.event.data?.passages) ? s.event.data.passages : [];
  const best = ok ? s.event.data?.best : null;
  const confident = best && Number(best.confidence) >= s.options.quote;
  // The one to quote comes first; without one there are only passages that a model may lean on.
  const ordered = confident ? [best, ...found.filter((passage) => passage.id !== best.id)] : found;
  s.c.passages = ordered.slice(0, PASSAGES).map((passage) => ({
    id: String(passage.id),
    articleId: String(passage.articleId ?? passage.id),
    title: String(passage.title ?? ""),
    text: cut(String(passage.text ?? ""), EVIDENCE),
    quotable: passage === best && Boolean(confident),
  }));
  if (s.c.withoutModel || (confident && s.options.prefer === "quote")) return quote(s);
  askModel(s);
  return "waiting";
}

function askModel(s: Step): void {
  const input: Record<string, Json> = {
    question: s.c.now!.text,
    passages: s.c.passages.map(({ quotable: _quotable, ...passage }) => passage),
    history: s.c.history.slice(-7, -1).map((turn) => ({ role: turn.role, text: cut(turn.text, 400) })),
    known: personal(s),
    budgetMs: s.options.modelMs,
  };
  // A model takes seconds: until the reply comes, the customer sees that something is under way.
  s.channel("typing", { on: true });
  s.askModel({ kind: "answer" }, "answer", input, s.options.modelMs + 500);
  s.go("answering");
}

/** What the model must not see, although a reply of the desk or a bare word of the customer may hold it. */
export function personal({ c: { customer, evidence } }: Step): Record<string, Json> {
  const said = (values: (string | undefined)[]): string[] => values.filter((value) => value !== undefined);
  return {
    names: said([customer.name, customer.firstName, ...evidence.names]),
    emails: said([customer.email, ...evidence.emails]),
    postcodes: evidence.postcodes,
    orders: evidence.orders,
  };
}

/** The model's answer is not said before it was checked. */
export function modelAnswered(s: Step, ok: boolean): Answered {
  const text = ok ? String(s.event.data?.text ?? "").trim() : "";
  if (text === "") return quote(s);
  const cited = new Set<string>((s.event.data.citations ?? []).map((c: any) => String(c?.id ?? c)));
  const citations: Citation[] = s.c.passages
    .filter((passage) => cited.has(passage.id) || cited.has(passage.articleId))
    .map((passage) => ({ id: passage.articleId, title: passage.title }));
  const known = s.c.history.filter((turn) => turn.role !== "customer").map((turn) => turn.text);
  const evidence = [...s.c.passages.map((passage) => `${passage.title}\n${passage.text}`), ...known];
  s.ask(
    { kind: "ground", text: cut(text, 2_000), citations },
    "language",
    "ground",
    { text, evidence },
    s.options.groundMs,
  );
  s.go("answering");
  return "waiting";
}

/** Only what is held by evidence is said; without a check nothing of it. */
export function grounded(s: Step, ok: boolean, text: string, citations: readonly Citation[]): Answered {
  if (!ok || s.event.data?.ok !== true) return quote(s);
  s.say(text, { citations });
  return "answered";
}

function quote(s: Step): Answered {
  const best = s.c.passages.find((passage) => passage.quotable);
  if (!best) return "unanswered";
  s.say(say.quote(excerpt(best.text), best.title), {
    citations: [{ id: best.articleId, title: best.title }],
  });
  return "answered";
}

/** Whole sentences from the beginning of a passage. */
export function excerpt(text: string, chars = QUOTE): string {
  const plain = text.replace(/\s+/g, " ").trim();
  if (plain.length <= chars) return plain;
  const head = cut(plain, chars);
  const end = Math.max(head.lastIndexOf(". "), head.lastIndexOf("! "), head.lastIndexOf("? "));
  return end > chars / 3 ? head.slice(0, end + 1) : `${head.slice(0, head.lastIndexOf(" "))} …`;
}

/** Asks back which of the possible requests is meant; otherwise what it is about. */
export function clarify(s: Step): void {
  const turn = s.c.now!;
  const wish = { u: turn.understanding!, text: turn.text, options: s.options, playbooks: s.playbooks };
  const options = readings(wish).slice(0, 3);
  if (options.length === 0) s.say(say.rephrase);
  else if (options.length === 1) s.say(say.clarifyOne(options[0]!.label), { quickReplies: ["Yes", "No"] });
  else {
    const labels = options.map((option) => option.label);
    s.say(say.clarify(labels), { quickReplies: labels });
  }
  s.c.clarify = options.length > 0 ? options.map(({ name, label }) => ({ intent: name, label })) : undefined;
  endTurn(s);
}
