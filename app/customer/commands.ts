/** `customer show ID`: all that is known of a customer. */
import { type Command, InvalidArgumentError } from "commander";
import type { CustomerView } from "../../actors/customer-view/index.ts";
import type { CliEnv, Contributor } from "../../runtime/config/cli.ts";

export const commands: Contributor = (program, env) => {
  show(program.command("customer").description("what is known of a customer"), env);
};

function show(parent: Command, env: CliEnv): void {
  parent
    .command("show")
    .description("records, conversations and facts, from every system at once; says what is missing")
    .argument("<id>", "the customer's id in your records")
    .option("--limit <n>", "entries of each list, at most 100", upTo100, 20)
    .option("--role <role>", "who reads what is remembered; the desk's own agents by default")
    .action(async (id: string, { limit, role }: { limit: number; role?: string }) => {
      const { renderCustomer } = await import("./render.ts");
      const query = new URLSearchParams({ limit: String(limit), ...(role ? { role } : {}) });
      const view = await env.client().get<CustomerView>(`/v1/customers/${encodeURIComponent(id)}?${query}`);
      env.out(view, () => renderCustomer(view, env.colors));
    });
}

function upTo100(text: string): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1 || n > 100)
    throw new InvalidArgumentError("a whole number from 1 to 100");
  return n;
}
