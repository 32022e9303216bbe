/** A small invented company, as the files of an import would tell of it. */
import { type FactWorld, worldOf } from "./world.ts";

const address = (address1: string, zip: string) => ({
  address1,
  address2: "Flat 2",
  city: "Larkfield",
  country: "USA",
  state: "CA",
  zip,
});
const kettle = (item_id: string, color: string, price: number) => ({
  name: "Copper Kettle",
  product_id: "5550001111",
  item_id,
  price,
  options: { color, size: "2" },
});
const rug = {
  name: "Rug",
  product_id: "5550002222",
  item_id: "7000000021",
  price: 80.25,
  options: { wool: "yes" },
};

const order = (order_id: string, user_id: string, status: string, items: any[], tracking: string) => ({
  order_id,
  user_id,
  status,
  items,
  address: address("12 Mill Road", "95611"),
  fulfillments: [{ tracking_id: [tracking], item_ids: items.map((i) => i.item_id) }],
  payment_history: [
    {
      transaction_type: "payment",
      amount: items.reduce((s, i) => s + i.price, 0),
      payment_method_id: "card_1",
    },
  ],
});

export const invented = (): FactWorld =>
  worldOf([
    {
      file: "users.json",
      records: [
        {
          $key: "ada_1",
          name: { first_name: "Ada", last_name: "Quill" },
          address: address("12 Mill Road", "95611"),
          email: "ada.quill@example.com",
          payment_methods: { card_1: { source: "credit_card", id: "card_1", last_four: "4242" } },
        },
        {
          $key: "bo_2",
          name: { first_name: "Bo", last_name: "Fenn" },
          address: address("7 Oak Lane", "10083"),
          email: "bo.fenn@example.com",
          payment_methods: {},
        },
      ],
    },
    {
      file: "orders.json",
      records: [
        order("#W1000001", "ada_1", "delivered", [kettle("7000000011", "red", 49.9), rug], "100000000001"),
        order("#W1000002", "ada_1", "pending", [kettle("7000000012", "blue", 52)], "100000000002"),
        order("#W2000001", "bo_2", "processed", [{ ...rug, price: 81 }], "200000000001"),
      ],
    },
    {
      file: "products.json",
      records: [
        {
          name: "Copper Kettle",
          product_id: "5550001111",
          variants: Object.fromEntries(
            [
              kettle("7000000011", "red", 49.9),
              kettle("7000000012", "blue", 52),
              kettle("7000000013", "black", 61.5),
            ].map((v) => [v.item_id, { ...v, available: true }]),
          ),
        },
      ],
    },
  ]);
