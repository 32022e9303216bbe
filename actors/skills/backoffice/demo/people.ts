/** Names and places of the generated company's customers. All of them are made up. */
import type { PaymentMethod, PostalAddress } from "../types.ts";
import type { Random } from "./random.ts";

const FIRST =
  "Abigail Adrian Agnes Alan Alma Amara Anders Anita Arthur Asha Astrid Ben Bianca Bruno Callum Carmen Cecilia Clara Colin Dalia Dennis Diego Edith Elena Elias Ellen Esme Ewan Farah Felix Fiona Frank Freya Gareth Gloria Hamish Harriet Hector Helen Hugo Ida Imran Iris Isaac Ivy Jasper Joan Jonas Joyce Julian Karim Keiko Kieran Lara Laurel Leon Lila Lorna Louis Mabel Magnus Marcus Marina Mei Milan Miriam Naomi Nils Nora Omar Oscar Paloma Percy Petra Quinn Rachel Rafael Ravi Rhea Robin Rosa Rupert Sahar Selma Simon Stella Sven Talia Theo Tilda Uma Vera Victor Violet Walter Wanda Xavier Yara Yusuf Zoe".split(
    " ",
  );
const LAST =
  "Abbott Adeyemi Ahmed Alder Anand Archer Ashby Barlow Beck Bellamy Berg Blackwood Bonner Bright Calder Castillo Chandra Clarke Coleman Conti Crane Dalton Delgado Drummond Eastwood Ellery Emerson Everly Farrow Fenwick Finch Fleming Fontaine Frost Garland Gibbs Goodwin Granger Hale Harper Hasan Holloway Ibarra Iqbal Jensen Keller Kendrick Khan Kimura Kovac Lambert Larkin Lindgren Lowell Maddox Malik Marlow Mendes Mercer Moss Nakata Nash Norwood Okoye Osborne Page Palmer Pereira Quigley Ramsey Rivera Rowan Sallow Sandoval Sharp Sinclair Sorensen Stark Sutton Tanaka Thorne Underhill Vance Varga Wade Waverly West Whitlock Winslow Wren Yates York Zamora Zeller".split(
    " ",
  );
const STREETS =
  "Alder Lane|Bakery Street|Canal Walk|Chestnut Avenue|Dovecote Road|East Terrace|Foundry Row|Garden Way|Harbour Street|Hillcrest Road|Ivy Close|Juniper Drive|Kiln Lane|Lower Green|Mill Road|Nightingale Street|Orchard View|Parsons Hill|Quarry Road|River Bend|Station Road|Tannery Lane|Upper Mead|Vine Street|Willow Court".split(
    "|",
  );
const TOWNS: readonly (readonly [string, string, number])[] = [
  ["Alder Falls", "OR", 972],
  ["Bramwell Heights", "CO", 803],
  ["Copper Bay", "WA", 983],
  ["Dunmere", "NY", 126],
  ["Eastlake Mills", "OH", 447],
  ["Fernhollow", "PA", 184],
  ["Granite Point", "NH", 38],
  ["Hazel Grove", "TN", 378],
  ["Kestrel Ridge", "NC", 276],
  ["Larkfield", "CA", 956],
  ["Maple Crossing", "MN", 558],
  ["Northbrook Landing", "WI", 537],
  ["Port Ellery", "ME", 45],
  ["Quail Springs", "AZ", 862],
  ["Stonebridge", "VA", 229],
  ["Wrenport", "MA", 21],
];
const CARDS = ["Visa", "Mastercard", "Amex"] as const;

export interface Person {
  readonly firstName: string;
  readonly lastName: string;
  readonly email: string;
}

/** Somebody with an address that nobody before had. */
export function person(random: Random, taken: Set<string>): Person {
  for (;;) {
    const firstName = random.pick(FIRST);
    const lastName = random.pick(LAST);
    const number = random.chance(0.5) ? String(random.int(2, 99)) : "";
    const domain = random.chance(0.7) ? "example.com" : "example.org";
    const email = `${firstName}.${lastName}${number}@${domain}`.toLowerCase();
    if (taken.has(email)) continue;
    taken.add(email);
    return { firstName, lastName, email };
  }
}

export function postalAddress(random: Random): PostalAddress {
  const [city, state, area] = random.pick(TOWNS);
  const flat = random.chance(0.3) ? { line2: `Apt ${random.int(1, 48)}` } : {};
  return {
    line1: `${random.int(1, 220)} ${random.pick(STREETS)}`,
    ...flat,
    city,
    state,
    postcode: `${String(area).padStart(3, "0")}${String(random.int(1, 99)).padStart(2, "0")}`,
    country: "USA",
  };
}

export function paymentMethod(random: Random, id: string): PaymentMethod {
  const kind = random.weighted({ card: 7, paypal: 2, direct_debit: 1 });
  if (kind === "paypal") return { id, kind, label: "PayPal" };
  const last = String(random.int(0, 9999)).padStart(4, "0");
  if (kind === "direct_debit") return { id, kind, label: `Bank account ending ${last}` };
  const problem = random.weighted({ none: 90, expired: 5, insufficient_funds: 3, declined: 2 });
  const label = `${random.pick(CARDS)} ending ${last}`;
  return problem === "none" ? { id, kind, label } : { id, kind, label, problem };
}
