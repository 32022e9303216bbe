/**
 * `GET /`: one page that needs nothing else. Its parts lie in `console/page/` as they are edited; here they become one
 * document whose style and script are allowed by their hashes and nothing else is.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { asset } from "../runtime/config/paths.ts";
import { type AnyRoute, route } from "../runtime/gateway/index.ts";

/** In the order in which they need one another. */
const SCRIPTS = ["api.js", "dom.js", "chat.js", "operator.js", "main.js"];

export interface Page {
  readonly html: string;
  /** Content-Security-Policy that goes with it. */
  readonly policy: string;
}

/** Reads the parts and joins them. @throws Error when a part is missing: the installation is damaged then. */
export function buildPage(): Page {
  const part = (name: string) => readFileSync(asset("console", "page", name), "utf8");
  const style = part("style.css");
  // The modules share one scope here, so what they import from each other is simply there.
  const script = `"use strict";(()=>{\n${SCRIPTS.map((name) =>
    part(name)
      .replace(/^import .*;\n/gm, "")
      .replace(/^export /gm, ""),
  ).join("\n")}})();`;
  const html = part("index.html")
    .replace("/*style*/", () => style)
    .replace("/*script*/", () => script);
  const policy = [
    "default-src 'none'",
    `style-src '${hashOf(style)}'`,
    `script-src '${hashOf(script)}'`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  return { html, policy };
}

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

export function pageRoutes(): AnyRoute[] {
  const page = buildPage();
  return [
    route({
      method: "GET",
      path: "/",
      auth: "public",
      summary: "The page: talk to the desk, answer hand-offs",
      hidden: true,
      handler: () => ({
        headers: { "content-security-policy": page.policy, "x-frame-options": "DENY" },
        text: { type: "text/html; charset=utf-8", content: page.html },
      }),
    }),
  ];
}
