/** Phone numbers: told apart from other long numbers by a leading +, their grouping, or a word before them. */
import { add, before, type Scan } from "./scan.ts";

/** Digits in groups with blanks, dots, dashes, slashes or brackets between them. */
const GROUPED =
  /(?<![\p{L}\p{N}_.,#$€£-])(\+|00|\()?\d{1,8}\)?(?:[ ./-]{1,2}\(?\d{1,8}\)?){1,7}(?![\p{L}\p{N}_])/gu;
const SOLID = /(?<![\p{L}\p{N}_.,#$€£-])\+?\d{7,15}(?![\p{L}\p{N}_])/gu;
const CONTEXT =
  /(?:phone|telephone|tel|mobile|cell|handy|telefon|telefonnummer|rufnummer|telephone|portable|telefono|móvil|movil|telefoon|whatsapp|sms|call me|reach me|text me|my number|callback)[^\d\n]{0,18}$/;

export function findPhones(scan: Scan): void {
  for (const pattern of [GROUPED, SOLID]) {
    for (const m of scan.plain.matchAll(pattern)) {
      const raw = m[0];
      const digits = raw.replace(/\D/g, "");
      if (digits.length < 7 || digits.length > 15) continue;
      const named = CONTEXT.test(before(scan, m.index, 40)) || scan.expecting.has("phone");
      const international = raw.startsWith("+");
      const american =
        /^\(?\d{3}\)?[ .-]{1,2}\d{3}[ .-]\d{4}$/.test(raw) ||
        /^1[ .-]\(?\d{3}\)?[ .-]{1,2}\d{3}[ .-]\d{4}$/.test(raw);
      const european = /^\(?0\d{1,5}\)?[ /.-]{1,2}\d/.test(raw) && digits.length >= 9 && !looksLikeDate(raw);
      if (!(international || american || european || (named && !looksLikeDate(raw)))) continue;
      add(scan, "phone", (international ? "+" : "") + digits, m.index, m.index + raw.length);
    }
  }
}

function looksLikeDate(raw: string): boolean {
  return /^\d{1,4}[./-]\d{1,2}[./-]\d{1,4}$/.test(raw);
}
