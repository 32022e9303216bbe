/** Words that texts of the bench are made of: what a company of many trades sells, does and is asked. */

export const PRODUCTS = (
  "kettle|espresso machine|desk lamp|floor lamp|cordless drill|circular saw|garden hose|lawn mower|hedge trimmer|tent|sleeping bag|" +
  "hiking boots|running shoes|rain jacket|wool scarf|linen shirt|suit|winter coat|mattress|bed frame|bookcase|office chair|sofa|" +
  "dining table|wardrobe|carpet|curtain rail|dishwasher|washing machine|tumble dryer|fridge|freezer|oven|induction hob|extractor hood|" +
  "vacuum cleaner|air purifier|humidifier|fan heater|radiator thermostat|smoke detector|door lock|security camera|router|mesh repeater|" +
  "laptop|tablet|monitor|keyboard|printer|ink cartridge|headphones|loudspeaker|turntable|record player needle|guitar|digital piano|" +
  "camera|tripod|lens|drone|smart watch|fitness band|bicycle|e-bike battery|child seat|pram|cot|baby monitor|high chair|school bag|" +
  "board game|jigsaw puzzle|model railway|aquarium|dog bed|cat tree|bird feeder|greenhouse|raised bed|compost bin|paving stones|" +
  "wall paint|wallpaper|parquet|floor tiles|bathroom cabinet|shower head|tap|water filter|solar panel|inverter|wallbox|car tyre|" +
  "roof box|tow bar|wiper blade|passport cover|suitcase|rucksack|wallet|sunglasses|contact lenses|hearing aid|blood pressure monitor|" +
  "vitamin tablets|protein powder|coffee beans|green tea|olive oil|wine box|chocolate hamper|bouquet|gift card|theatre ticket|" +
  "rail pass|museum membership|language course|gym membership|phone contract|broadband line|electricity tariff|household insurance|" +
  "travel insurance|savings account|credit card|parking permit|library card|swimming lesson"
).split("|");

export const QUALITIES = (
  "foldable|waterproof|refurbished|second-hand|made-to-measure|limited edition|wall-mounted|battery-powered|energy-saving|heavy-duty|" +
  "lightweight|child-proof|vintage|ceramic|stainless steel|oak|bamboo|recycled|organic|wireless|professional|entry-level|extra large|" +
  "compact|silent|self-cleaning|adjustable|fireproof|engraved|imported|pre-ordered|discontinued|returned|sealed|custom-painted"
).split("|");

export const PLACES = (
  "Rotterdam|Lyon|Graz|Aarhus|Porto|Ghent|Turku|Leeds|Cork|Malmö|Bern|Trieste|Gdansk|Brno|Split|Tartu|Riga|Seville|Nantes|Leipzig|" +
  "Bristol|Galway|Bergen|Basel|Verona|Krakow|Ostrava|Zadar|Vilnius|Valencia|Utrecht|Bremen|Dundee|Limerick|Uppsala|Lugano|Salzburg"
).split("|");

export const CARRIERS = (
  "the parcel service|our own van|the freight forwarder|the bicycle courier|the postal service|a specialist for heavy goods|" +
  "the shop's locker|the neighbourhood store|the refrigerated lorry|the night express"
).split("|");

export const PEOPLE = (
  "the shift leader|a technician|the accounts office|the workshop|the warehouse|a fitter|the legal department|the duty manager|" +
  "an interpreter|the data protection officer|the supplier|the manufacturer's hotline|a colleague in the branch|the credit team|" +
  "the training centre|the complaints board|an external assessor|the night desk"
).split("|");

export const TIMES = (
  "on weekdays before ten|on the same afternoon|within two working days|by the end of the month|during the school holidays|" +
  "between Christmas and Epiphany|after the first instalment|once the deposit has arrived|on public holidays|within an hour|" +
  "at the turn of the quarter|twice a year|in the last week of August|outside of office hours|on the third reminder|at the second visit"
).split("|");

export const CAUSES = (
  "the seal is broken|the serial number cannot be read|it was a gift|the address was misspelt|the colour differs from the picture|" +
  "a screw is missing|the manual is in the wrong language|the card has expired|the household has moved|a child ordered it|" +
  "the lift is out of order|the voucher was used twice|the firmware is out of date|the meter was read wrongly|the contract was inherited|" +
  "frost has damaged the pipe|the name has changed after a wedding|the parcel was left in the rain|two orders were put into one box|" +
  "the invoice shows the wrong tax|the branch was closed|the customer is travelling|an allergy is known|the warranty card is lost|" +
  "the neighbour has signed for it|the battery swells|the fabric has shrunk|the glass has a crack|the noise is louder than allowed"
).split("|");

/** What an article can be about: what it is called, what one does, and a thing that comes up there. */
export const SUBJECTS: readonly (readonly [string, string, string])[] = [
  ["Returns", "send it back", "the return label"],
  ["Refunds", "get the money back", "the refund"],
  ["Exchanges", "swap it for another size", "the replacement"],
  ["Delivery delays", "ask where it has got to", "the tracking page"],
  ["Change of address", "have it sent somewhere else", "the new address"],
  ["Repairs", "have it mended", "the cost estimate"],
  ["Warranty", "claim under warranty", "the proof of purchase"],
  ["Spare parts", "order a spare part", "the parts list"],
  ["Assembly", "put it together", "the hex key"],
  ["Cleaning and care", "clean it", "the care label"],
  ["Disposal", "hand in the old one", "the collection point"],
  ["Invoices", "have the invoice corrected", "the invoice number"],
  ["Paying by instalments", "pay in parts", "the rate of interest"],
  ["Direct debit", "change the bank account", "the mandate"],
  ["Vouchers", "redeem a voucher", "the code"],
  ["Loyalty points", "spend points", "the points balance"],
  ["Price promise", "show a lower price", "the competitor's offer"],
  ["Pre-orders", "reserve it", "the release date"],
  ["Subscriptions", "pause the subscription", "the next shipment"],
  ["Cancelling", "cancel", "the notice period"],
  ["Passwords", "set a new password", "the link in the mail"],
  ["Two-step sign-in", "sign in with a new phone", "the recovery code"],
  ["Family accounts", "add another person", "the main account"],
  ["Personal data", "see what is stored", "the export file"],
  ["Accessibility", "get help on site", "the ramp"],
  ["Measuring up", "take measurements", "the drawing"],
  ["Installation", "book a fitter", "the appointment"],
  ["Recalls", "find out whether it is affected", "the batch number"],
  ["Customs and taxes", "clear it through customs", "the declaration"],
  ["Damage in transit", "report damage", "the photographs"],
  ["Missing parts", "report what is missing", "the packing list"],
  ["Lost property", "ask for something that was left behind", "the lost property book"],
  ["Group bookings", "book for a group", "the list of names"],
  ["Rain checks", "move the date", "the substitute date"],
  ["Insurance claims", "file a claim", "the claim form"],
  ["Meter readings", "hand in a reading", "the meter"],
  ["Moving house", "take the contract along", "the handover record"],
  ["Business customers", "buy on account", "the credit limit"],
  ["Gift wrapping", "have it wrapped", "the greeting card"],
  ["Allergens", "ask what is in it", "the list of ingredients"],
  ["Software updates", "install the update", "the release notes"],
  ["Noise and neighbours", "complain about noise", "the log of times"],
];

export const FACT_KINDS: readonly (readonly [string, readonly string[]])[] = [
  [
    "preference",
    ["prefers {quality} goods and never a {product}", "wants deliveries {time}, brought by {carrier}"],
  ],
  [
    "household",
    ["lives in {place} with a {product} from the previous tenant", "keeps the {product} in {place}"],
  ],
  ["purchase", ["bought a {quality} {product} in {place}", "ordered a second {product} because {cause}"]],
  ["complaint", ["complained about the {product}: {cause}", "was promised a call by {person} {time}"]],
  ["plan", ["means to replace the {product} {time}", "is saving up for a {quality} {product}"]],
  ["note", ["asked {person} about {thing} of the {product}", "cannot be reached {time} because {cause}"]],
];
