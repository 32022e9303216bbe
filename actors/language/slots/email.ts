/** E-mail addresses, found from their `@` outwards, so the work is linear. */
import { add, type Scan } from "./scan.ts";

const LOCAL = /[\p{L}\p{N}._%+'-]/u;
const DOMAIN = /[\p{L}\p{N}.-]/u;
const SPOKEN =
  /(?<![\p{L}\p{N}._%+-])([a-z0-9][a-z0-9._%+-]{0,63})[ ]?(?:\(at\)|\[at\]|\{at\}|[ ]at[ ])[ ]?([a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,3})[ ]?(?:\(dot\)|\[dot\]|[ ]dot[ ]|\(punkt\)|[ ]punkt[ ])[ ]?([a-z]{2,10})(?![\p{L}\p{N}])/giu;

export function findEmails(scan: Scan): void {
  const { text } = scan;
  for (let at = text.indexOf("@"); at !== -1; at = text.indexOf("@", at + 1)) {
    let start = at;
    while (start > 0 && at - start < 64 && LOCAL.test(text[start - 1]!)) start--;
    let end = at + 1;
    while (end < text.length && end - at < 255 && DOMAIN.test(text[end]!)) end++;
    while (start < at && /[.'%+-]/.test(text[start]!)) start++;
    while (end > at + 1 && /[.-]/.test(text[end - 1]!)) end--;
    const domain = text.slice(at + 1, end);
    if (start === at || !/^[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.\p{L}{2,}$/u.test(domain)) continue;
    add(scan, "email", text.slice(start, end).toLowerCase(), start, end);
  }
  for (const m of scan.plain.matchAll(SPOKEN)) {
    add(scan, "email", `${m[1]}@${m[2]}.${m[3]}`, m.index, m.index + m[0].length, { written: "spoken" });
  }
}
