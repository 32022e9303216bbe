import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, type RoutesUnderTest, serveDesk } from "../actors/routes/testing.ts";
import { findChromium, launch } from "./browser.ts";
import { buildPage, pageRoutes } from "./page.ts";

const chromium = findChromium();
if (!chromium) {
  console.warn("page.test.ts: no Chromium on PATH nor in CHROMIUM_PATH, the page is not tried in a browser");
}

describe.skipIf(!chromium)("the page in a browser", () => {
  // PAGE_PICTURES=<folder> keeps the pictures to be looked at.
  const pictures = process.env.PAGE_PICTURES ?? mkdtempSync(join(tmpdir(), "desk-page-"));
  let t: RoutesUnderTest;
  let browser: Browser;
  let contexts: BrowserContext[] = [];
  const problems: string[] = [];

  beforeAll(async () => {
    t = await serveDesk(() => pageRoutes());
    browser = await launch(chromium!);
  });
  afterAll(async () => {
    await browser?.close();
    await t?.stop();
    if (!process.env.PAGE_PICTURES) rmSync(pictures, { recursive: true, force: true });
  });
  afterEach(async () => {
    await Promise.all(contexts.map((context) => context.close()));
    contexts = [];
    expect(problems.splice(0)).toEqual([]);
  });

  const open = async (options: object = {}): Promise<Page> => {
    const context = await browser.newContext({ viewport: { width: 1180, height: 820 }, ...options });
    contexts.push(context);
    const page = await context.newPage();
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("request", (request) => {
      if (!request.url().startsWith(t.gateway.url) && !request.url().startsWith("data:")) {
        problems.push(`a request to elsewhere: ${request.url()}`);
      }
    });
    page.on("console", (message) => {
      if (message.type() === "error") problems.push(message.text());
    });
    await page.goto(t.gateway.url);
    return page;
  };
  const picture = (page: Page, name: string) => page.screenshot({ path: join(pictures, `${name}.png`) });
  const say = async (page: Page, text: string) => {
    await page.getByLabel("Your message").fill(text);
    await page.keyboard.press("Enter");
  };
  const signIn = async (page: Page, name: string) => {
    await page.getByRole("button", { name: /^Operators/ }).click();
    await page.getByLabel("Admin token").fill(ADMIN_TOKEN);
    await page.getByLabel("Your name").fill(name);
    await page.getByRole("button", { name: "Open the queue" }).click();
    await page.getByText(`Answering as ${name}`).waitFor();
  };

  it("a conversation: answers with their source, and the same after a reload", async () => {
    const page = await open();
    await picture(page, "1-welcome");
    await say(page, "How do I return something?");
    await page.getByText("within 30 days").waitFor();
    await page.getByText("Returning an item", { exact: true }).waitFor();
    await picture(page, "2-answer");
    await page.reload();
    await page.getByText("within 30 days").waitFor();
    await say(page, "Hello?");
    await expect.poll(() => page.locator("#messages li.desk").count(), { timeout: 10_000 }).toBe(2);
    const texts = await page.locator("#messages li:not(.note) .bubble").allTextContents();
    expect(texts).toHaveLength(4);
    expect(texts[0]).toBe("How do I return something?");
    await picture(page, "3-after-reload");
  });

  it("a hand-off: asked for, accepted, answered and returned", async () => {
    const customer = await open();
    await say(customer, "I want to talk to a person please");
    await customer.getByText("in the queue for a person").waitFor();

    const operator = await open();
    await signIn(operator, "Grace");
    await operator.locator("#handoffs button.row").first().click();
    await operator.locator("#case").getByText("I want to talk to a person please").first().waitFor();
    await picture(operator, "4-queue");
    await operator.getByRole("button", { name: "Accept" }).click();
    await customer.getByText("A person has joined").waitFor();
    await operator.getByLabel("Your answer to the customer").fill("Hello, this is Grace. What can I do?");
    await operator.getByRole("button", { name: "Send answer" }).click();
    await customer.getByText("Hello, this is Grace. What can I do?").waitFor();
    await say(customer, "Is the shop open on Sunday?");
    await operator.locator("#case").getByText("Is the shop open on Sunday?").waitFor();
    await picture(customer, "5-with-a-person");
    await picture(operator, "6-answering");
    await operator.getByText("Return to the desk, or end").click();
    await operator.getByLabel("What was done (summary)").fill("Told the opening hours.");
    await operator.getByRole("button", { name: "Return", exact: true }).click();
    await customer.getByText("talking to the desk again").waitFor();
    await operator.getByText("Nobody waits for a person.").waitFor();
    await picture(customer, "7-returned");
  });

  it("a token that is none is refused in words", async () => {
    const page = await open();
    await page.getByRole("button", { name: /^Operators/ }).click();
    await page.getByLabel("Admin token").fill("nonsense");
    await page.getByLabel("Your name").fill("Eve");
    await page.getByRole("button", { name: "Open the queue" }).click();
    await page.getByText("This is not the admin token").waitFor();
    // The browser itself reports the 401.
    problems.splice(0);
    await picture(page, "8-refused");
  });

  it("fits a telephone in the dark", async () => {
    const page = await open({
      viewport: { width: 390, height: 780 },
      colorScheme: "dark",
      hasTouch: true,
    });
    await say(page, "How do I return something?");
    await page.getByText("within 30 days").waitFor();
    expect(
      await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"),
    ).toBe(true);
    await picture(page, "9-phone-dark");
  });
});

describe("the document", () => {
  it("names nothing from elsewhere, and its parts are joined", () => {
    const { html, policy } = buildPage();
    expect(html).not.toMatch(/^\s*(import|export) /m);
    expect(html).not.toMatch(/\/\*(style|script)\*\//);
    expect(html.match(/https?:\/\/(?!www\.w3\.org\/2000\/svg)/g)).toBeNull();
    expect(policy).toMatch(/default-src 'none'.*script-src 'sha256-[^']+'/);
    expect(policy).not.toContain("unsafe");
  });
});
