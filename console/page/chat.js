/** The customer's side: one conversation, streamed. */
import { ApiError, call, follow } from "./api.js";
import { $, el, memory, messageItem, toast } from "./dom.js";

const HANDOFF = {
  queued: "You are in the queue for a person. You can go on writing meanwhile.",
  accepted: "A person has joined the conversation.",
  returned: "You are talking to the desk again.",
};
const OUTCOME = {
  resolved: "This conversation is closed. Thank you.",
  abandoned: "This conversation was closed because it had been quiet.",
};
const STILL_TYPING_MS = 20_000;

let conversation = memory.get("conversation");
let stream;
let typingTimer;
/** A person has taken over: nobody knows whether he is typing. */
let withPerson = false;
const shown = new Set();

function scrollDown() {
  $("scroll").scrollTop = $("scroll").scrollHeight;
}

function typing(on) {
  clearTimeout(typingTimer);
  $("typing").hidden = !on;
  if (on) typingTimer = setTimeout(() => typing(false), STILL_TYPING_MS);
  scrollDown();
}

function note(text) {
  $("messages").append(el("li", { class: "note" }, text));
  scrollDown();
}

function quickReplies(replies) {
  $("quick").replaceChildren(
    ...(replies ?? []).map((text) => el("button", { type: "button", onclick: () => say(text) }, text)),
  );
}

function show(m) {
  if (shown.has(m.messageId)) return;
  shown.add(m.messageId);
  $("messages").append(messageItem(m));
  scrollDown();
}

function onEvent(name, data, seq) {
  conversation.last = seq;
  memory.set("conversation", conversation);
  if (name === "message") {
    typing(false);
    show({ ...data, seq });
    quickReplies(data.quickReplies);
  } else if (name === "typing") typing(data.on !== false);
  else if (name === "handoff") {
    // An approval is a matter among the people behind the desk, who says itself what it means.
    if (data.reason === "approval") return;
    typing(false);
    if (HANDOFF[data.state]) note(HANDOFF[data.state]);
  } else if (name === "status") withPerson = data.state === "with_human";
  else if (name === "outcome") {
    typing(false);
    quickReplies([]);
    if (OUTCOME[data.outcome]) note(OUTCOME[data.outcome]);
  }
}

function listen(after) {
  stream?.stop();
  stream = follow(`/v1/conversations/${conversation.id}/events`, conversation.token, after, {
    event: onEvent,
    state: (state) => {
      $("connection").textContent =
        state === "open" ? "Connected." : "The line is broken; trying again. Nothing is lost.";
    },
    refused: forgetConversation,
  });
  $("restart").hidden = false;
  $("welcome").hidden = true;
}

function forgetConversation() {
  stream?.stop();
  stream = undefined;
  conversation = null;
  memory.set("conversation", null);
  shown.clear();
  withPerson = false;
  $("messages").replaceChildren();
  quickReplies([]);
  typing(false);
  $("welcome").hidden = false;
  $("restart").hidden = true;
  $("connection").textContent = "Usually answers at once.";
}

/** After a reload: what was said is read from the desk, then followed on from there. */
async function resume() {
  try {
    const c = await call("GET", `/v1/conversations/${conversation.id}`, conversation.token);
    for (const m of c.transcript) show(m);
    const latest = c.transcript.at(-1);
    if (latest?.role !== "customer") quickReplies(latest?.quickReplies);
    if (c.outcome && OUTCOME[c.outcome]) note(OUTCOME[c.outcome]);
    withPerson = c.state === "withHuman";
    listen(c.offset);
  } catch (error) {
    if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429) {
      forgetConversation();
    } else setTimeout(resume, 2_000);
  }
}

async function open() {
  const customer = {};
  if ($("who-name").value.trim()) customer.name = $("who-name").value.trim();
  if ($("who-email").value.trim()) customer.email = $("who-email").value.trim();
  const c = await call("POST", "/v1/conversations", undefined, { channel: "chat", customer });
  conversation = { id: c.conversationId, token: c.conversationToken, last: c.offset };
  memory.set("conversation", conversation);
  listen(c.offset);
}

/** Messages are sent one after the other, so that they are in the log in the order in which they were written. */
let line = Promise.resolve();

function say(text) {
  quickReplies([]);
  const clientMessageId = crypto.randomUUID();
  const state = el("p", { class: "state" }, "Sending …");
  const item = messageItem({ role: "customer", text });
  item.append(state);
  $("messages").append(item);
  scrollDown();
  const send = async () => {
    try {
      if (!conversation) await open();
      const sent = await call("POST", `/v1/conversations/${conversation.id}/messages`, conversation.token, {
        text,
        clientMessageId,
      });
      shown.add(sent.messageId);
      item.classList.remove("failed");
      state.textContent = "";
      if (!withPerson && answeredBefore(sent.seq)) typing(true);
    } catch (error) {
      item.classList.add("failed");
      state.replaceChildren(
        `Not sent. ${error.message} `,
        el("button", { type: "button", onclick: () => enqueue() }, "Try again"),
      );
    }
  };
  const enqueue = () => {
    state.textContent = "Sending …";
    line = line.then(send);
  };
  enqueue();
}

/** Whether the newest answer on the page is older than a message: then one is still to come. */
function answeredBefore(seq) {
  const answers = [...$("messages").querySelectorAll("li.desk[data-seq], li.human[data-seq]")];
  return answers.every((a) => Number(a.dataset.seq) < seq);
}

export function startChat() {
  const text = $("text");
  const grow = () => {
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight + 2}px`;
  };
  text.addEventListener("input", grow);
  text.addEventListener("keydown", (e) => {
    if (e.key === "Enter" && !e.shiftKey && !e.isComposing) {
      e.preventDefault();
      $("composer").requestSubmit();
    }
  });
  $("composer").addEventListener("submit", (e) => {
    e.preventDefault();
    const value = text.value.trim();
    text.focus();
    if (!value) return;
    if (new TextEncoder().encode(value).length > 16_384) {
      toast("This message is too long: send it in parts.");
      return;
    }
    text.value = "";
    grow();
    say(value);
  });
  for (const starter of $("starters").querySelectorAll("button")) {
    starter.addEventListener("click", () => say(starter.textContent));
  }
  $("restart").addEventListener("click", () => {
    forgetConversation();
    text.focus();
  });
  if (conversation) resume();
}
