/** What an operator sees of a whole desk: metrics, status and the doctor's word on the model. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type OllamaDouble, ollamaDouble } from "../actors/model/testing/ollama-double.ts";
import type { Customer, Order } from "../actors/skills/backoffice/types.ts";
import { renderStatus } from "./chat/render.ts";
import { model } from "./doctor/desk.ts";
import { START_MS, say, TestedDesk } from "./testing.ts";

const plain = new Proxy({}, { get: () => (text: string) => text }) as never;

let server: OllamaDouble;
let desk: TestedDesk;
let customer: Customer;
let order: Order;

beforeAll(async () => {
  server = await ollamaDouble();
  desk = await TestedDesk.start({
    model: { provider: "ollama", url: server.url, model: "llama3.2", timeoutMs: 500 },
  });
  ({ customer, order } = await desk.customerWith((o) => o.status === "shipped"));
}, START_MS);
afterAll(async () => {
  await desk?.remove();
  await server?.close();
});

/** Samples by name and labels: `name{a="b"} 1`. */
async function metrics(): Promise<Map<string, number>> {
  const { status, type, text } = await desk.raw("GET", "/metrics");
  expect(status).toBe(200);
  expect(type).toMatch(/^text\/plain/);
  const samples = new Map<string, number>();
  for (const line of text.split("\n")) {
    const m = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (!m) continue;
    const labels = (m[2] ?? "").split(",").filter((label) => label !== "" && !label.startsWith("workspace="));
    samples.set(`${m[1]}{${labels.sort().join(",")}}`, Number(m[3]));
  }
  return samples;
}

describe("metrics", () => {
  it("count turns by stage, records, asks and requests", async () => {
    const driver = await desk.conversation();
    const reply = await say(driver, `Where is my order ${order.id}? My e-mail is ${customer.email}`);
    expect(reply).toContain(order.id);
    await say(driver, "Do you sponsor football clubs?");
    const m = await metrics();
    const count = (stage: string) => m.get(`bailiwick_turn_stage_seconds_count{stage="${stage}"}`);
    expect(count("turn")).toBe(2);
    expect(count("understand")).toBe(2);
    expect(count("verify")).toBe(1);
    expect(count("skill")).toBeGreaterThan(0);
    expect(count("search")).toBe(1);
    expect(count("model")).toBe(1);
    // A stage is part of its turn.
    const sum = (stage: string) => m.get(`bailiwick_turn_stage_seconds_sum{stage="${stage}"}`)!;
    expect(sum("understand") + sum("search")).toBeLessThanOrEqual(sum("turn"));
    expect(m.get('bailiwick_records_total{kind="conversation",type="customer.message"}')).toBe(2);
    expect(m.get('bailiwick_records_total{kind="channel",type="reply"}')).toBe(2);
    expect(
      m.get('bailiwick_ask_seconds_count{operation="understand",outcome="done",service="language"}'),
    ).toBe(2);
    expect(m.get('bailiwick_queue_wait_seconds_count{kind="conversation"}')).toBeGreaterThan(4);
    expect(m.get('bailiwick_fold_seconds_count{kind="conversation"}')).toBeGreaterThan(4);
    const route = '"/v1/conversations/:id/messages"';
    expect(m.get(`bailiwick_http_request_seconds_count{method="POST",route=${route},status="202"}`)).toBe(2);
    expect(m.get("bailiwick_dead_letters{}")).toBe(0);
    expect(m.get('bailiwick_memory_reads{tier="hot"}')).toBe(0);
    expect(m.get('bailiwick_memory_read_seconds{tier="cold"}')).toBe(0);
    expect(m.get("bailiwick_states_checked{}")).toBeGreaterThanOrEqual(0);
    expect(m.get("bailiwick_states_diverged{}")).toBe(0);
    expect(m.get('bailiwick_actors{kind="all"}')).toBeGreaterThan(0);
    expect(m.get('bailiwick_downstream_state{name="model"}')).toBe(0);
    expect(m.get('bailiwick_model_tokens{direction="prompt"}')).toBe(50);
    expect(m.get("process_cpu_seconds_total{}")).toBeGreaterThan(0);
  });

  it("name nobody and nothing of a customer", async () => {
    const { text } = await desk.raw("GET", "/metrics");
    for (const secret of [order.id, customer.id, customer.email, customer.lastName, "football"])
      expect(text).not.toContain(secret);
    expect(text).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-/);
  });
});

describe("the model's health", () => {
  it("is in the status", async () => {
    const { body } = await desk.call("GET", "/v1/admin/status");
    expect(body.services.model).toMatchObject({ state: "up", provider: "ollama", present: true });
    expect(renderStatus(body, plain)).toMatch(/model +up +llama3\.2 \(ollama\), 50 tokens in, 12 out/);
    expect(renderStatus(body, plain)).toMatch(/knowledge +up +\d+ articles$/m);
  });

  it("is told by the doctor, with what mends it", async () => {
    const { config } = desk.desk;
    const check = (more: object) =>
      Promise.resolve(model({ ...config, model: { ...config.model, ...more } }).run());
    expect(await check({})).toEqual({ state: "ok", what: `llama3.2 at ${server.url}` });
    expect(await check({ model: "llama3" })).toMatchObject({ state: "warn", mend: "ollama pull llama3" });
    expect(await check({ url: "http://127.0.0.1:1" })).toMatchObject({
      state: "warn",
      mend: expect.stringMatching(/^ollama serve/),
    });
    expect(await check({ provider: "openai", url: `${server.url}/v1` })).toMatchObject({ state: "ok" });
    expect(await check({ model: undefined })).toMatchObject({ state: "fail", mend: "set model.model" });
    expect(await check({ provider: "none" })).toMatchObject({ state: "ok" });
    server.misbehave = "error";
    expect(await check({})).toMatchObject({ state: "warn", what: expect.stringMatching(/answered 500/) });
  });

  it("shows in status and metrics when the model is left alone", async () => {
    for (const question of ["Do you sponsor football clubs?", "Which airline do you fly with?"])
      for (let n = 0; n < 2; n++) await say(await desk.conversation(), question);
    const { body } = await desk.call("GET", "/v1/admin/status");
    expect(body.services.model.state).toBe("open");
    expect(renderStatus(body, plain)).toMatch(/model +open .*failures, last error at 20/);
    const m = await metrics();
    expect(m.get('bailiwick_downstream_state{name="model"}')).toBe(3);
    expect(
      m.get('bailiwick_ask_seconds_count{operation="answer",outcome="unavailable",service="model"}'),
    ).toBe(4);
  });
});
