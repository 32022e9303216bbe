/** The operators' side: hand-offs, approvals, live status. */
import { call } from "./api.js";
import { $, el, memory, messageItem, since, toast } from "./dom.js";

const REFRESH_MS = 1_500;

/** Why the desk passed a conversation on; others are named by the playbook or the rule that did. */
const REASONS = {
  asked: "Asked for a person",
  angry: "Angry",
  unsure: "The desk did not understand",
  unverified: "Could not be verified",
  records_down: "The records could not be reached",
  error: "Something broke on our side",
};

let token = memory.get("token");
let agent = memory.get("agent");
let selected;
let drawn = "";
let timer;

const reasonOf = (h) => REASONS[h.reason] ?? h.reason.replaceAll("_", " ");

const api = (method, path, body) => call(method, `/v1/admin${path}`, token, body);

/** Does something, says so when it fails, and looks at the desk again. */
async function attempt(button, action) {
  if (button) button.disabled = true;
  try {
    await action();
  } catch (error) {
    toast(error.message);
  } finally {
    if (button) button.disabled = false;
  }
  await refresh();
}

function tile(name, value, warn) {
  return el("div", { class: warn ? "warn" : undefined }, el("dt", {}, name), el("dd", {}, String(value)));
}

/** Replaces the children only when something changed, so that focus and reading are left alone. */
function replaceWhenChanged(parent, key, children) {
  if (parent.dataset.key === key) return;
  const focused = parent.contains(document.activeElement) ? document.activeElement.dataset.id : undefined;
  parent.dataset.key = key;
  parent.replaceChildren(...children());
  if (focused) parent.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
}

function drawStatus(status, queue) {
  const waiting = queue.handoffs.filter((h) => h.state === "queued").length;
  $("queue-badge").textContent = String(waiting + queue.approvals.length);
  $("queue-badge").hidden = waiting + queue.approvals.length === 0;
  $("tiles").replaceChildren(
    tile("Conversations", status.conversations.open),
    tile("Waiting", waiting, waiting > 0),
    tile("Approvals", queue.approvals.length, queue.approvals.length > 0),
    tile("Replies a second", status.repliesPerSecond.toFixed(1)),
    tile("Resolved", status.outcomes.resolved ?? 0),
    tile("Handed off", status.outcomes.handed_off ?? 0),
    tile("Given up on", status.deadLetters, status.deadLetters > 0),
  );
  $("services").replaceChildren(
    ...Object.entries(status.services).map(([name, health]) =>
      el(
        "li",
        {},
        name,
        el(
          "span",
          { class: health.state === "up" || health.state === undefined ? "pill" : "pill down" },
          health.state ?? "up",
        ),
      ),
    ),
  );
}

function drawQueue({ handoffs, approvals }) {
  replaceWhenChanged(
    $("handoffs"),
    JSON.stringify([handoffs.map((h) => [h.id, h.state, h.agent, since(h.since)]), selected]),
    () =>
      handoffs.length === 0
        ? [el("li", { class: "empty" }, "Nobody waits for a person.")]
        : handoffs.map((h) =>
            el(
              "li",
              {},
              el(
                "button",
                {
                  type: "button",
                  class: "row",
                  "data-id": h.id,
                  "aria-pressed": String(selected === h.id),
                  onclick: () => choose(h.id),
                },
                el(
                  "span",
                  { class: "head" },
                  h.customer?.name ?? "A customer",
                  el("time", {}, `${since(h.since)} ago`),
                ),
                el("p", {}, reasonOf(h)),
                el(
                  "span",
                  { class: `pill ${h.state}` },
                  h.state === "accepted" ? `with ${h.agent ?? "a person"}` : "waiting",
                ),
              ),
            ),
          ),
  );
  replaceWhenChanged($("approvals"), JSON.stringify(approvals.map((a) => a.id)), () =>
    approvals.length === 0
      ? [el("li", { class: "empty" }, "Nothing to decide.")]
      : approvals.map((a) => {
          const decide = (decision) => (e) =>
            attempt(e.currentTarget, () => api("POST", `/approvals/${a.id}/${decision}`, { agent }));
          return el(
            "li",
            { class: "row" },
            el("p", { class: "head" }, a.what),
            a.amount === undefined
              ? undefined
              : el("p", {}, `${Number(a.amount).toFixed(2)} ${a.currency ?? ""}`),
            el(
              "div",
              { class: "actions" },
              el(
                "button",
                { type: "button", "data-id": `${a.id}-yes`, onclick: decide("approve") },
                "Approve",
              ),
              el(
                "button",
                { type: "button", class: "danger", "data-id": `${a.id}-no`, onclick: decide("decline") },
                "Decline",
              ),
            ),
          );
        }),
  );
}

function choose(id) {
  selected = id;
  drawn = "";
  refresh();
}

/** The conversation of the chosen hand-off. Forms are drawn once, so that nobody's typing is lost. */
async function drawCase({ handoffs }) {
  const h = handoffs.find((other) => other.id === selected);
  if (!h) {
    const key = selected ? "gone" : "none";
    if (drawn !== key) {
      drawn = key;
      $("case").replaceChildren(
        el(
          "p",
          { class: "empty" },
          selected ? "This hand-off is done." : "Choose a hand-off to read and answer it.",
        ),
      );
    }
    return;
  }
  const c = await call("GET", `/v1/conversations/${h.conversationId}`, token);
  if (selected !== h.id) return;
  const shape = `${h.id} ${h.state} ${h.agent ?? ""}`;
  if (drawn !== shape) {
    drawn = shape;
    $("case").replaceChildren(...caseParts(h));
  }
  const list = $("case-messages");
  if (list.childElementCount !== c.transcript.length) {
    list.replaceChildren(
      ...c.transcript.map((m) => messageItem({ ...m, by: m.role === "customer" ? "Customer" : undefined })),
    );
    list.scrollTop = list.scrollHeight;
  }
}

function caseParts(h) {
  const mine = h.state === "accepted" && h.agent === agent;
  const act = (path, body) => api("POST", `/handoffs/${h.id}/${path}`, { agent, ...body });
  return [
    el(
      "header",
      {},
      el("h2", { tabindex: "-1" }, h.customer?.name ?? "A customer"),
      el("p", { class: "muted" }, reasonOf(h)),
      h.summary ? el("p", { class: "summary small" }, h.summary) : undefined,
    ),
    el("ol", {
      class: "messages",
      id: "case-messages",
      role: "log",
      "aria-live": "polite",
      "aria-label": "Transcript",
      tabindex: "0",
    }),
    h.state === "queued"
      ? el(
          "div",
          { class: "actions" },
          el(
            "button",
            { type: "button", id: "accept", onclick: (e) => attempt(e.currentTarget, () => act("accept")) },
            "Accept",
          ),
        )
      : undefined,
    mine ? replyForm(act) : undefined,
    mine ? returnForm(act) : undefined,
    h.state === "accepted" && !mine
      ? el("p", { class: "muted" }, `${h.agent ?? "Somebody else"} is answering.`)
      : undefined,
  ].filter((part) => part !== undefined);
}

function replyForm(act) {
  const text = el("textarea", {
    id: "reply-text",
    rows: "3",
    maxlength: "16000",
    required: true,
    onkeydown: (e) => {
      if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) e.currentTarget.form.requestSubmit();
    },
  });
  return el(
    "form",
    {
      onsubmit: (e) => {
        e.preventDefault();
        attempt(e.submitter, async () => {
          await act("reply", { text: text.value });
          text.value = "";
        });
        text.focus();
      },
    },
    el("label", { for: "reply-text" }, "Your answer to the customer"),
    text,
    el("button", { type: "submit" }, "Send answer"),
  );
}

function returnForm(act) {
  const summary = el("textarea", { rows: "2", maxlength: "4000", required: true });
  const instruction = el("input", { maxlength: "1000" });
  return el(
    "details",
    {},
    el("summary", {}, "Return to the desk, or end"),
    el(
      "form",
      {
        onsubmit: (e) => {
          e.preventDefault();
          attempt(e.submitter, () =>
            act("return", { summary: summary.value, instruction: instruction.value.trim() || undefined }),
          );
        },
      },
      el("label", {}, "What was done (summary)", summary),
      el("label", {}, "What the desk should do now (optional)", instruction),
      el(
        "div",
        { class: "actions" },
        el("button", { type: "submit", class: "quiet" }, "Return"),
        el(
          "button",
          { type: "button", class: "danger", onclick: (e) => attempt(e.currentTarget, () => act("close")) },
          "End the conversation",
        ),
      ),
    ),
  );
}

async function refresh() {
  clearTimeout(timer);
  if (!token) return;
  try {
    const [status, queue] = await Promise.all([api("GET", "/status"), api("GET", "/handoffs")]);
    drawStatus(status, queue);
    drawQueue(queue);
    await drawCase(queue);
  } catch (error) {
    if (error.status === 401) {
      signOut();
      $("token-error").textContent = "The desk does not know this token any more.";
      return;
    }
    toast(error.message);
  }
  clearTimeout(timer);
  timer = setTimeout(refresh, document.hidden ? REFRESH_MS * 4 : REFRESH_MS);
}

function signIn() {
  $("token-form").hidden = true;
  $("workplace").hidden = false;
  $("agent-name").textContent = agent;
  refresh();
}

function signOut() {
  token = null;
  memory.set("token", null);
  clearTimeout(timer);
  selected = undefined;
  drawn = "";
  $("queue-badge").hidden = true;
  $("workplace").hidden = true;
  $("token-form").hidden = false;
  $("token").focus();
}

export function startOperator() {
  if (agent) $("agent").value = agent;
  $("token-form").addEventListener("submit", async (e) => {
    e.preventDefault();
    $("token-error").textContent = "";
    const given = $("token").value.trim();
    try {
      await call("GET", "/v1/admin/status", given);
    } catch (error) {
      $("token-error").textContent = error.message;
      return;
    }
    token = given;
    agent = $("agent").value.trim();
    memory.set("token", token);
    memory.set("agent", agent);
    $("token").value = "";
    signIn();
  });
  $("forget").addEventListener("click", signOut);
  if (token && agent) signIn();
}
