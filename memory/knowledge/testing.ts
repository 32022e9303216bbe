/** For tests: PDFs, made here so that nothing has to be kept that nobody can read. */

/** A PDF with these lines on its pages. @param title of its information, none unless given */
export function pdfOf(pages: readonly (readonly string[])[], title?: string): Buffer {
  const font = 3;
  const objects: string[] = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "",
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
  ];
  const add = (text: string): number => objects.push(text);
  const info = title === undefined ? undefined : add(`<< /Title (${title}) >>`);
  const kids = pages.map((lines) => {
    const drawn = `BT /F1 12 Tf 72 720 Td 14 TL ${lines.map((line) => `(${line}) Tj T*`).join(" ")} ET`;
    const content = add(`<< /Length ${drawn.length} >>\nstream\n${drawn}\nendstream`);
    const resources = `<< /Font << /F1 ${font} 0 R >> >>`;
    return add(
      `<< /Type /Page /Parent 2 0 R /Resources ${resources} /MediaBox [0 0 612 792] /Contents ${content} 0 R >>`,
    );
  });
  objects[1] = `<< /Type /Pages /Kids [${kids.map((kid) => `${kid} 0 R`).join(" ")}] /Count ${kids.length} >>`;
  let file = "%PDF-1.4\n";
  const places = objects.map((text, i) => {
    const at = file.length;
    file += `${i + 1} 0 obj\n${text}\nendobj\n`;
    return at;
  });
  const table = file.length;
  const rows = places.map((at) => `${String(at).padStart(10, "0")} 00000 n \n`).join("");
  const of = `/Size ${objects.length + 1} /Root 1 0 R${info === undefined ? "" : ` /Info ${info} 0 R`}`;
  return Buffer.from(
    `${file}xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${rows}trailer << ${of} >>\nstartxref\n${table}\n%%EOF`,
  );
}
