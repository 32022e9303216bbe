/** Calls to the desk, and its event streams. */

export class ApiError extends Error {
  constructor(status, detail, retryAfter) {
    super(detail);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

export async function call(method, path, token, body) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new ApiError(0, "The desk cannot be reached.");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new ApiError(
      response.status,
      answer.detail ?? answer.title ?? `The desk answered ${response.status}.`,
      Number(response.headers.get("retry-after")) || undefined,
    );
  }
  return answer;
}

/**
 * Follows a stream of events until stopped, and comes back after the last one seen when the line breaks.
 * `on.event(name, data, seq)`, `on.state("open" | "lost")`, `on.refused(error)`; answers { stop }.
 */
export function follow(path, token, after, on) {
  const stopped = new AbortController();
  let last = after;
  let pause = 500;
  const run = async () => {
    while (!stopped.signal.aborted) {
      try {
        const response = await fetch(path, {
          headers: { authorization: `Bearer ${token}`, "last-event-id": String(last) },
          signal: stopped.signal,
        });
        if (!response.ok) {
          if (response.status < 500 && response.status !== 429) {
            on.refused(new ApiError(response.status, "The conversation cannot be followed."));
            return;
          }
          throw new Error(String(response.status));
        }
        on.state("open");
        pause = 500;
        for await (const e of events(response.body)) {
          if (e.id > last) {
            last = e.id;
            on.event(e.event, e.data, e.id);
          }
        }
      } catch {
        if (stopped.signal.aborted) return;
      }
      on.state("lost");
      await new Promise((resolve) => setTimeout(resolve, pause + Math.random() * 250));
      pause = Math.min(pause * 2, 8_000);
    }
  };
  run();
  return { stop: () => stopped.abort() };
}

/** The events of a response body. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += value;
    for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
      const fields = { event: "message", data: "" };
      for (const line of rest.slice(0, end).split("\n")) {
        const colon = line.indexOf(": ");
        if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2);
      }
      rest = rest.slice(end + 2);
      if (fields.data) yield { id: Number(fields.id), event: fields.event, data: JSON.parse(fields.data) };
    }
  }
}
