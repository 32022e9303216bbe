import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type TestOffice, testOffice } from "../testing.ts";

let t: TestOffice;
beforeAll(async () => {
  t = await testOffice();
});
afterAll(() => t.close());

const verify = (input: object) => t.call("crm.verify", input as never);

describe("with the shipped rules", () => {
  it("takes order and e-mail, order and postcode, e-mail and postcode of one customer", async () => {
    const mail = "maya.okafor@example.com";
    for (const given of [
      { orders: ["W2001011"], emails: ["Maya.Okafor@Example.com"] },
      { orders: ["#2001011"], postcodes: ["95611"] },
      { emails: [mail], postcodes: ["95611-1234"] },
      { text: `my order W2001011 has not come, I am ${mail}` },
    ]) {
      expect(await verify(given), JSON.stringify(given)).toMatchObject({
        verified: true,
        customerId: "C1001",
      });
    }
  });

  it("does not take one proof alone, nor two of different customers", async () => {
    expect(await verify({ orders: ["W2001011"] })).toEqual({
      verified: false,
      reason: "need_more",
      missing: ["email"],
      options: [["email"], ["postcode"], ["email", "postcode"]],
    });
    expect(await verify({ orders: ["W2001011"], postcodes: ["80342"] })).toMatchObject({
      verified: false,
      reason: "no_match",
    });
  });

  it("answers the same whether or not what was given exists", async () => {
    expect(await verify({ emails: ["maya.okafor@example.com"] })).toEqual(
      await verify({ emails: ["nobody.at.all@example.com"] }),
    );
    expect(await verify({ emails: ["maya.okafor@example.com"], postcodes: ["11111"] })).toEqual(
      await verify({ emails: ["nobody.at.all@example.com"], postcodes: ["95611"] }),
    );
  });

  it("lets nobody try a list", async () => {
    const postcodes = Array.from({ length: 50 }, (_, n) => String(95_600 + n));
    expect(await verify({ emails: ["maya.okafor@example.com"], postcodes })).toMatchObject({
      verified: false,
    });
  });
});

describe("with e-mail alone, or name and postcode", () => {
  const rules = [["email"], ["name", "postcode"]];
  it("takes the e-mail", async () => {
    expect(await verify({ rules, emails: ["maya.okafor@example.com"] })).toMatchObject({
      customerId: "C1001",
    });
  });
  it("finds the name among the words, whatever the case and accents", async () => {
    const said = { rules, text: "hi this is MÁYA from the shop, okafor is the last name, zip 95611" };
    expect(await verify(said)).toMatchObject({
      verified: true,
      customerId: "C1001",
      how: ["postcode", "name"],
    });
  });
  it("does not forgive a misspelt name", async () => {
    const said = { rules, names: ["Maia Okafor"], text: "Maia Okafor 95611" };
    expect(await verify(said)).toMatchObject({ verified: false, reason: "no_match", missing: ["email"] });
  });
  it("does not choose between two of one name in one place", async () => {
    expect(await verify({ rules, names: ["Samuel Reed"], postcodes: ["37855"] })).toMatchObject({
      verified: false,
      reason: "ambiguous",
    });
    expect(
      await verify({ rules, names: ["Samuel Reed"], postcodes: ["37855"], orders: ["W2001151"] }),
    ).toMatchObject({ verified: true, customerId: "C1015" });
  });
});
