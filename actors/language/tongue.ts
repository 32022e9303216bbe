/** A guess at the language of a message from its commonest words. English unless others clearly win. */
import { fold, words } from "./text.ts";
import type { Language } from "./types.ts";

const COMMON: Readonly<Record<Language, ReadonlySet<string>>> = {
  en: set(
    "the and is are i you my to of it in for that this with have not on what can do was please order me your where be would like how when but need want hello hi thanks yes from at has been help could will",
  ),
  de: set(
    "der die das und ist ich sie mein meine meinen nicht ein eine einen mit auf fur wo wann wie bitte danke hallo habe hat kann ihre ihnen mir mich wurde werden noch aber bestellung ja nein guten tag zu von den dem im es wird mochte warum rechnung gestern morgen heute",
  ),
  fr: set(
    "le la les et est je vous mon ma mes pas un une des du de pour avec ou quand comment bonjour merci commande ai avez ne que qui dans sur c'est j'ai mais suis oui non votre s'il plait svp ma facture hier demain aujourd'hui",
  ),
  es: set(
    "el la los las y es yo mi mis no un una del de para con donde cuando como hola gracias pedido que en se he ha por quiero puedo pero esta si mas su necesito factura ayer hoy favor buenos dias tengo",
  ),
  nl: set(
    "de het een en is ik u mijn niet van voor met waar wanneer hoe hallo bedankt dank bestelling heb heeft kan wil dat dit op te maar nog wel ja nee graag factuur gisteren morgen vandaag mij aan zijn bij wordt",
  ),
};

function set(list: string): ReadonlySet<string> {
  return new Set(list.split(" "));
}

/** Letters that hardly occur elsewhere. */
const MARKS: readonly (readonly [RegExp, Language, number])[] = [
  [/ß/u, "de", 2],
  [/[äöü]/iu, "de", 1],
  [/[¿¡ñ]/iu, "es", 2],
  [/[èêëçœùû]/iu, "fr", 1],
  [/ij(?=[^\p{L}]|n)/iu, "nl", 0.5],
];

export function guessLanguage(text: string): Language {
  const score: Record<Language, number> = { en: 0.5, de: 0, fr: 0, es: 0, nl: 0 };
  const head = text.length > 2000 ? text.slice(0, 2000) : text;
  const languages = Object.keys(COMMON) as Language[];
  for (const word of words(head)) {
    const folded = fold(word.text);
    for (const language of languages) if (COMMON[language].has(folded)) score[language]++;
  }
  for (const [pattern, language, weight] of MARKS) if (pattern.test(head)) score[language] += weight;
  let best: Language = "en";
  for (const language of languages) if (score[language] > score[best]) best = language;
  return best;
}
