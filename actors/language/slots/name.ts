/** Names of people, as customers introduce themselves or fill in what was asked for. */
import { fold, isStopWord, sentences, words } from "../text.ts";
import { add, place, type Scan } from "./scan.ts";

/** A word that may be part of a name, in its usual writing. */
const PROPER = "(?:\\p{Lu}\\.|\\p{Lu}[\\p{L}\\p{M}]*(?:['’-][\\p{L}\\p{M}]+)*)";
const PARTICLE =
  "(?:van der|van den|van de|van|von der|von|de la|de los|del|de|di|da|dos|la|le|el|al|bin|ibn|mac|st\\.)";
const FULL_NAME = `${PROPER}(?: (?:${PARTICLE} )?${PROPER}){1,3}`;
/** A word in any writing. */
const ANY = "[\\p{L}\\p{M}]+(?:['’-][\\p{L}\\p{M}]+)*";
const ANY_NAME = `${ANY}(?: ${ANY}){0,4}`;
const B = "(?<![\\p{L}\\p{N}])";

/** After these a name follows in whatever writing. */
const STRONG = [
  `${B}(?:[Mm]y|MY) (?:[Ff]ull |[Ll]ast and first |[Rr]eal )?(?:[Nn]ame|NAME)(?:'s|’s| is| IS|:| =|,| would be| on the (?:account|order) is| on file is| -| –| —)[ :-]{0,3}`,
  `${B}(?:[Nn]ame|NAME)(?: on (?:the |my )?(?:account|order|file))?[ *_]{0,3}(?::| is| =| -| –| —)[ *_]{0,4}`,
  `${B}(?:[Ff]ull|[Cc]ustomer|[Aa]ccount|[Bb]illing|[Cc]ardholder|[Hh]older)(?: [Nn]ame)[ ]?(?::| is|-)[ ]{0,2}`,
  `${B}(?:[Mm]ein|[Dd]er) [Nn]ame (?:ist|lautet) `,
  `${B}(?:[Ii]ch|ICH) (?:heiße|heisse) `,
  `${B}[Jj]e m['’]appelle `,
  `${B}[Mm]on nom (?:est|c['’]est) `,
  `${B}[Mm]e llamo `,
  `${B}[Mm]i nombre es `,
  `${B}[Mm]ijn naam is `,
  `${B}[Ii]k heet `,
  `${B}[Nn](?:om|ombre|aam) ?: ?`,
].map((lead) => new RegExp(`${lead}["“'(]?(${ANY_NAME})`, "dgu"));

/** After these a name follows only when it is written as one and has two parts at least. */
const WEAK = new RegExp(
  `${B}(?:[Tt]his is|[Ii]t['’]s|[Ii]t is|I['’]m|I am|[Ii]['’]m|[Ii]ch bin|[Jj]e suis|[Ss]oy|[Ii]k ben|[Uu]nder(?: the name)?(?: of)?|[Nn]ame of|[Aa]ccount holder(?: is|:|,)?|[Bb]elongs to|[Ll]ook me up (?:as|by)|[Ff]or) (${FULL_NAME})`,
  "dgu",
);
const PARTS =
  /(?<![\p{L}\p{N}])(?:first|given|vor)[ -]?name(?:[ *_]{0,3}(?::|=|-|(?:ist|is)(?= ))){1,2}[ *_]{0,4}([\p{L}\p{M}'’-]{1,40})[\s,;.*_–—-]{1,12}(?:and )?(?:my )?(?:last|family|sur|nach)[ -]?name(?:[ *_]{0,3}(?::|=|-|(?:ist|is)(?= ))){1,2}[ *_]{0,4}([\p{L}\p{M}'’-]{1,40})/dgiu;
const PARTS_TURNED =
  /(?<![\p{L}\p{N}])(?:last|family|sur|nach)[ -]?name(?:[ *_]{0,3}(?::|=|-|(?:ist|is)(?= ))){1,2}[ *_]{0,4}([\p{L}\p{M}'’-]{1,40})[\s,;.*_–—-]{1,12}(?:and )?(?:my )?(?:first|given|vor)[ -]?name(?:[ *_]{0,3}(?::|=|-|(?:ist|is)(?= ))){1,2}[ *_]{0,4}([\p{L}\p{M}'’-]{1,40})/dgiu;
/** "Noah Ito. ZIP 98178", "Mei Davis, 80217", "Ana Ruiz / ana@example.com", at the start of a line, sentence or answer. */
const WITH_PROOF = new RegExp(
  `(?:^|[\\n:;–—(•*-]|[.!?,] )[ \\t*]*(${FULL_NAME})(?=[ \\t]*[.,;:|/–—-]?[ \\t]*(?:and )?(?:my )?(?:(?:[Zz][Ii][Pp]|[Pp]ost ?code|[Pp]ostal|PLZ|[Cc]ode postal|[Ee]-?[Mm]ail|[Oo]rder)(?![\\p{L}])|\\d{5}(?!\\d)|[\\w.+-]{1,64}@))`,
  "dgu",
);
/** A signature at the end of a message. */
const SIGNED = new RegExp(
  `(?:[Rr]egards|[Bb]est|[Cc]heers|[Ss]incerely|[Tt]hanks|[Tt]hank you|[Gg]rüße|[Gg]rüßen|[Gg]ruß|[Cc]ordialement|[Ss]aludos|[Gg]roeten)[,.!]?[ ]*\\n+[ ]*[-–—]{0,2}[ ]?(${FULL_NAME})[ ]*\\s*$`,
  "dgu",
);

/** Capitalised words that are no names, however they stand. */
const NO_NAME = new Set(
  (
    "yes no ok okay sure thanks thank please hi hello hey dear good morning afternoon evening order orders item items zip code postcode " +
    "postal email mail e phone address account name first last customer number tracking refund return exchange cancel visa " +
    "mastercard amex paypal american express gift card credit debit new york los angeles san francisco diego jose antonio fort worth " +
    "las vegas el paso united states kingdom north south west east street avenue road drive lane boulevard apt suite highway usa us uk ny ca tx fl " +
    "bluetooth usb led hd pro max mini plus google amazon apple samsung sony smart wireless water pet office mechanical electric " +
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october " +
    "november december english german french spanish also and the my i it this that here there what when where why how can could " +
    "would will do does is are was not just actually sorry great perfect awesome wonderful confirmed confirm correct option total " +
    "shipping payment method reason status billing subscription plan invoice support service team agent human desk company " +
    "ja nein danke bitte hallo guten tag bonjour merci oui non hola gracias sí si herr frau"
  ).split(" "),
);
/** Where a name in whatever writing ends. */
const ENDS_NAME = new Set(
  "and und et y en zip with mit from postcode plz email my mine living in at on but with order please the can could und i i'd i'm it's is was for to number code phone address thanks not so who that this you your".split(
    " ",
  ),
);

export function findNames(scan: Scan): void {
  const { text } = scan;
  for (const [pattern, turned] of [
    [PARTS, false],
    [PARTS_TURNED, true],
  ] as const) {
    for (const m of text.matchAll(pattern)) {
      const [first, last] = turned ? [m[2]!, m[1]!] : [m[1]!, m[2]!];
      const [start] = place(m, 1);
      const [, end] = place(m, 2);
      if (
        add(scan, "name", `${title(first)} ${title(last)}`, start, end, {
          first: title(first),
          last: title(last),
        })
      )
        return;
    }
  }
  for (const pattern of STRONG) {
    for (const m of text.matchAll(pattern)) {
      const [start] = place(m, 1);
      putLoose(scan, m[1]!, start);
    }
  }
  for (const pattern of [WEAK, WITH_PROOF, SIGNED]) {
    for (const m of text.matchAll(pattern)) {
      const [start] = place(m, 1);
      putProper(scan, m[1]!, start);
    }
  }
  if (scan.expecting.has("name") && !scan.found.some((e) => e.type === "name")) findExpected(scan);
}

/** A name in any writing: cut where the sentence goes on. */
function putLoose(scan: Scan, written: string, start: number): void {
  const parts: string[] = [];
  let end = start;
  // Where the name is capitalised, a lower-case word that is no particle ends it.
  const proper = /^\p{Lu}/u.test(written);
  for (const word of words(written)) {
    const folded = fold(word.text);
    const particle = /^(?:van|von|der|den|de|la|los|del|di|da|dos|le|el|al|bin|ibn)$/.test(folded);
    if (ENDS_NAME.has(folded)) break;
    if (!particle && (parts.length >= 4 || NO_NAME.has(folded) || (proper && !/^\p{Lu}/u.test(word.text))))
      break;
    if (!particle && !proper && (isStopWord(folded) || parts.length >= 3)) break;
    parts.push(word.text);
    end = start + word.end;
  }
  // Hyphens and apostrophes lie between words: the written form is what counts.
  put(scan, scan.text.slice(start, end), start);
}

function putProper(scan: Scan, name: string, start: number): void {
  const written = name.replace(/(?:\s+(?:zip|email|e-mail|postcode|plz|order))+$/i, "");
  const list = words(written);
  if (list.some((w) => NO_NAME.has(fold(w.text)))) {
    // "Thanks Yusuf Rossi": what leads may be cut off, what follows may not.
    const lead = list.findIndex((w) => !NO_NAME.has(fold(w.text)));
    if (lead <= 0 || list.slice(lead).some((w) => NO_NAME.has(fold(w.text))) || list.length - lead < 2)
      return;
    put(scan, written.slice(list[lead]!.start), start + list[lead]!.start);
    return;
  }
  if (list.length >= 2) put(scan, written, start);
}

/** The desk asked for a name: a short piece of nothing but letters will be one. */
function findExpected(scan: Scan): void {
  for (const sentence of sentences(scan.text)) {
    // An answer to "what is your name?" is short.
    if (sentence.text.length > 200) continue;
    let from = sentence.start;
    const pieces = sentence.text.split(/([,|/:–—]| - |\d[\w-]*|\S+@\S+)/u);
    for (const piece of pieces) {
      const lead = piece.length - piece.trimStart().length;
      const written = piece.trim().replace(/[.!]+$/, "");
      const start = from + lead;
      from += piece.length;
      if (written === "" || !scan.claims.free(start, start + written.length)) continue;
      const list = words(written);
      if (list.length < 1 || list.length > 4 || !/^[\p{L}\p{M}'’. -]+$/u.test(written)) continue;
      if (list.some((w) => NO_NAME.has(fold(w.text)) || isStopWord(fold(w.text)))) continue;
      const capital = list.every((w) => /^\p{Lu}/u.test(w.text));
      const alone = scan.text.trim().length <= written.length + 24;
      if (list.length >= 2 ? capital || alone : capital && alone) return void put(scan, written, start);
    }
  }
}

function put(scan: Scan, written: string, start: number): void {
  const name = written.replace(/[.\s]+$/, "");
  const parts = name.split(/\s+/).map(title);
  if (name.length < 2 || name.length > 80 || /^\p{Ll}{1,2}$/u.test(name)) return;
  const detail: Record<string, string> =
    parts.length > 1 ? { first: parts[0]!, last: parts.slice(1).join(" ") } : { first: parts[0]! };
  add(scan, "name", parts.join(" "), start, start + name.length, detail);
}

/** `mei` and `MEI` become `Mei`; mixed writing stays as it is. */
function title(word: string): string {
  if (/^(?:van|von|der|den|de|la|los|del|di|da|dos|le|el|al|bin|ibn)$/.test(word)) return word;
  if (word !== word.toLowerCase() && word !== word.toUpperCase()) return word;
  if (word.length === 1) return word.toUpperCase();
  return word
    .toLowerCase()
    .replace(/(^|['’-])(\p{L})/gu, (_, lead: string, letter: string) => lead + letter.toUpperCase());
}
