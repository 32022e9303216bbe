/** Does what a step of a scenario says: a customer's message, a person's deed, time, a system that fails. */
import { deskRequest } from "./desk-client.ts";
import type { ConversationDriver } from "./driver.ts";
import { parseDuration, type ScenarioStep } from "./format.ts";
import type { Stage } from "./player.ts";

const AGENT = "scenario";

export async function perform(step: ScenarioStep, driver: ConversationDriver, stage: Stage): Promise<void> {
  if ("customer" in step) await driver.send(step.customer);
  else if ("customerAtOnce" in step) await Promise.all(step.customerAtOnce.map((text) => driver.send(text)));
  else if ("customerAgain" in step) {
    await driver.send(step.customerAgain, "again");
    await driver.send(step.customerAgain, "again");
  } else if ("satisfaction" in step) await driver.send(String(step.satisfaction));
  else if ("agent" in step) await act(step.agent, driver, stage);
  else if ("time" in step) {
    if (!stage.advance) throw new Error("time can only be moved on a desk of the run's own");
    await stage.advance(parseDuration(step.time)!);
    // What was due is appended as a record and folded from there.
    await new Promise((resolve) => setTimeout(resolve, 150));
  } else if ("fail" in step) {
    if (!stage.fault) throw new Error("systems can only be failed on a desk of the run's own");
    await stage.fault(step.fail.system, step.fail.mode);
  } else await stage.fault?.(step.restore, undefined);
}

/** What a person does, on the open hand-off or approval of this conversation. */
async function act(
  what: Extract<ScenarioStep, { agent: unknown }>["agent"],
  driver: ConversationDriver,
  stage: Stage,
): Promise<void> {
  const end = performance.now() + 5_000;
  const decision = what === "approve" || what === "decline";
  const list = decision ? "approvals" : "handoffs";
  for (;;) {
    const open = await deskRequest(stage, "GET", "/v1/admin/handoffs");
    const entry = open[list].find((h: any) => h.conversationId === driver.id);
    if (entry) {
      const verb = typeof what === "string" ? what : "say" in what ? "reply" : "return";
      const particulars = typeof what === "string" ? {} : "say" in what ? { text: what.say } : what.return;
      await deskRequest(stage, "POST", `/v1/admin/${list}/${entry.id}/${verb}`, {
        body: { agent: AGENT, ...particulars },
      });
      await new Promise((resolve) => setTimeout(resolve, 50));
      return;
    }
    if (performance.now() > end) {
      throw new Error(`there is no open ${decision ? "approval" : "hand-off"} to ${JSON.stringify(what)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
