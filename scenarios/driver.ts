/**
 * Drives one conversation as a customer's client would: sends with client message ids, follows the events, and comes
 * back by offset after a broken connection. Keeps its own list of what was accepted and what was answered, so that it
 * can tell afterwards whether anything was lost or said twice.
 */
import {
  type ConversationState,
  type DeskAccess,
  DeskRefusedError,
  DeskUnreachableError,
  deskEvents,
  deskRequest,
  type Reply,
} from "./desk-client.ts";

export interface DriverOptions {
  /** Longest wait for a reply, ms. Default 20,000. */
  readonly replyMs?: number;
  /** Longest time that the desk may be unreachable, ms; longer is an error. Default 60,000. */
  readonly unreachableMs?: number;
  /** Told when the desk goes away, and when it is back. */
  readonly onAway?: (away: boolean) => void;
}

export interface SentMessage {
  readonly messageId: string;
  /** Its place in the log. */
  readonly seq: number;
  readonly text: string;
  /** Monotonic, ms: before the request, and when it was answered 202. */
  readonly sentAt: number;
  readonly acceptedAt: number;
  /** Monotonic, ms, of the first reply that answers it. */
  answeredAt?: number;
  /** A person had the word when it came: the desk does not answer it. */
  withPerson?: boolean;
}

/** States in which the desk waits for somebody else. */
const AT_REST = new Set(["listening", "waitingForHuman", "withHuman", "asking", "closed", "satisfaction"]);
const POLL_MS = 10;
const MAX_POLL_MS = 80;
const RECONNECT_MS = 100;
const COMING_UP_MS = 30_000;

export class ConversationDriver {
  readonly replies: Reply[] = [];
  readonly sent: SentMessage[] = [];
  /** Events other than messages, in order. */
  readonly events: { seq: number; event: string; data: any }[] = [];
  /** Records of the channel that came a second time. */
  repeated = 0;
  id = "";
  #token = "";
  #offset = 0;
  #count = 0;
  #access: DeskAccess;
  readonly #o: Required<Omit<DriverOptions, "onAway">> & DriverOptions;
  /** Broken connections of the stream of events that were taken up again. */
  reconnects = 0;
  /** Monotonic, ms, of the last time that the desk did not answer. */
  #awayAt = Number.NEGATIVE_INFINITY;
  #away = false;
  #openedAt = Number.NEGATIVE_INFINITY;
  readonly #seen = new Set<string>();
  readonly #waiters = new Set<() => void>();
  readonly #stop = new AbortController();
  #moved = new AbortController();
  #following: Promise<void> | undefined;

  constructor(access: DeskAccess, options: DriverOptions = {}) {
    this.#access = access;
    this.#o = { replyMs: 20_000, unreachableMs: 60_000, ...options };
  }

  async open(body: {
    channel?: string;
    customer?: { id?: string; name?: string; email?: string };
    vouched?: boolean;
  }): Promise<void> {
    const opened = await this.#patiently(() =>
      deskRequest(this.#access, "POST", "/v1/conversations", { body }),
    );
    this.id = opened.conversationId;
    this.#openedAt = performance.now();
    this.#token = opened.conversationToken;
    this.#offset = opened.offset;
    this.#following = this.#follow();
  }

  /** Goes on at another gateway, from the offset that was reached. */
  moveTo(access: DeskAccess): void {
    this.#access = access;
    this.#moved.abort();
    this.#moved = new AbortController();
  }

  /** Sends one message; answers once it is accepted. */
  async send(text: string, clientMessageId = `m${++this.#count}`): Promise<SentMessage> {
    const sentAt = performance.now();
    const { messageId, seq } = await this.#patiently(() =>
      deskRequest(this.#access, "POST", `/v1/conversations/${this.id}/messages`, {
        body: { text, clientMessageId },
        token: this.#token,
      }),
    );
    const known = this.sent.find((m) => m.messageId === messageId);
    if (known) return known;
    const message: SentMessage = { messageId, seq, text, sentAt, acceptedAt: performance.now() };
    // Its reply may have been faster than the 202.
    const reply = this.replies.find((r) => r.answers.includes(messageId));
    if (reply) message.answeredAt = reply.arrivedAt;
    this.sent.push(message);
    return message;
  }

  /** Waits for the first reply to a message; false when there is none in time. */
  async answered(message: SentMessage): Promise<boolean> {
    const from = performance.now();
    while (message.answeredAt === undefined) {
      if (performance.now() > Math.max(from, this.#awayAt) + this.#o.replyMs) return false;
      await this.#wait(250);
    }
    return true;
  }

  /** Waits until the desk is at rest: everything sent is answered, or a person has the word. */
  async settled(): Promise<ConversationState> {
    const from = performance.now();
    for (let poll = POLL_MS; ; poll = Math.min(poll * 2, MAX_POLL_MS)) {
      const open = this.sent.some((m) => m.answeredAt === undefined && !m.withPerson);
      const state = open && !this.#human ? undefined : await this.state();
      if (state && AT_REST.has(state.state) && !state.busy) {
        // The events may lag behind the state by a moment.
        if (!open || this.#human || state.state !== "listening") {
          if (state.state === "withHuman")
            for (const m of this.sent) m.withPerson ??= m.answeredAt === undefined;
          return state;
        }
      }
      // A desk that was away gets its time from when it is back.
      if (performance.now() > Math.max(from, this.#awayAt) + this.#o.replyMs) {
        const unanswered = this.sent.filter((m) => m.answeredAt === undefined).length;
        throw new Error(
          `the desk did not come to rest within ${this.#o.replyMs} ms (state ${state?.state ?? "?"}, ${unanswered} messages unanswered)`,
        );
      }
      await this.#wait(open ? 250 : poll);
    }
  }

  /** State as the operator sees it. */
  async state(): Promise<ConversationState> {
    const { view } = await this.#patiently(() =>
      deskRequest(this.#access, "GET", `/v1/admin/conversations/${this.id}/state`),
    );
    return {
      ...view,
      busy:
        Number(view.waiting ?? 0) > 0 ||
        (view.pendingTasks?.length ?? 0) > (view.pendingApprovals?.length ?? 0),
      verified: view.customer?.verified,
      approvals: view.pendingApprovals ?? [],
    };
  }

  /** The conversation as its customer may read it, with the whole transcript. */
  view(): Promise<{ transcript: { messageId: string; role: string; text: string }[] }> {
    return this.#patiently(() =>
      deskRequest(this.#access, "GET", `/v1/conversations/${this.id}`, { token: this.#token }),
    );
  }

  async satisfaction(score: number): Promise<void> {
    await this.send(String(score));
  }

  /** The trace with what was said in it. */
  async trace(): Promise<any[]> {
    const { records } = await this.#patiently(() =>
      deskRequest(this.#access, "GET", `/v1/admin/conversations/${this.id}/trace?data=true`),
    );
    return records;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#following;
  }

  get #human(): boolean {
    const last = this.events.filter((e) => e.event === "status").at(-1);
    return last?.data.state === "with_human";
  }

  async #follow(): Promise<void> {
    let broken = false;
    while (!this.#stop.signal.aborted) {
      try {
        for await (const { id, event, data } of deskEvents(
          this.#access,
          this.id,
          this.#token,
          this.#offset,
          AbortSignal.any([this.#stop.signal, this.#moved.signal]),
          () => {
            if (broken) this.reconnects++;
            broken = false;
          },
        )) {
          this.#offset = Math.max(this.#offset, id);
          this.#take(id, event, data);
        }
      } catch {
        // The connection broke: go on from the offset.
        this.#awayAt = performance.now();
      }
      if (this.#stop.signal.aborted) return;
      broken = true;
      await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
    }
  }

  #take(seq: number, event: string, data: any): void {
    const key = `${seq}`;
    if (this.#seen.has(key)) {
      this.repeated++;
      return;
    }
    this.#seen.add(key);
    if (event !== "message") this.events.push({ seq, event, data });
    else {
      const arrivedAt = performance.now();
      const answers: string[] = Array.isArray(data.answers) ? data.answers : [];
      this.replies.push({
        seq,
        messageId: data.messageId,
        role: data.role,
        text: data.text,
        answers,
        arrivedAt,
      });
      for (const message of this.sent) {
        if (answers.includes(message.messageId)) message.answeredAt ??= arrivedAt;
      }
    }
    for (const wake of [...this.#waiters]) wake();
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#waiters.add(done);
    });
  }

  /** Tries again while the desk is away, is coming up or asks to slow down. */
  async #patiently<T>(attempt: () => Promise<T>): Promise<T> {
    const from = performance.now();
    for (;;) {
      try {
        const result = await attempt();
        this.#isAway(false);
        return result;
      } catch (error) {
        let wait = RECONNECT_MS;
        if (error instanceof DeskRefusedError) {
          // Right after a start, or after it was opened, a conversation may not have been read from the log yet.
          const since = performance.now() - Math.max(this.#awayAt, this.#openedAt);
          const soon = error.status === 404 && since < COMING_UP_MS;
          if (![429, 500, 503].includes(error.status) && !soon) throw error;
          wait = error.retryAfterMs ?? 250;
        } else if (!(error instanceof DeskUnreachableError)) throw error;
        else this.#isAway(true);
        if (performance.now() - from > this.#o.unreachableMs) throw error;
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }

  #isAway(away: boolean): void {
    if (away) this.#awayAt = performance.now();
    if (this.#away === away) return;
    this.#away = away;
    this.#o.onAway?.(away);
  }
}
