import { describe, expect, it } from "vitest";
import { playCase } from "../cases.ts";
import { convert } from "./convert.ts";
import { parseXml, textOf, XmlError } from "./xml.ts";

/**
 * Plays a document: each event with the states that must be active after it, the first entry being the start. An event
 * `+20` lets that many milliseconds pass and then tells the machine nothing that it knows.
 */
function play(document: string, ...steps: readonly [event: string, active: string][]): void {
  const [[, initial], ...rest] = steps as [[string, string], ...[string, string][]];
  const events = rest.map(([event, active]) => ({
    after: event.startsWith("+") ? Number(event) : undefined,
    event: { name: event.startsWith("+") ? "nothing" : event },
    nextConfiguration: active.split(" "),
  }));
  const script = { initialConfiguration: initial.split(" "), events };
  const played = playCase({
    name: "own",
    document: `<scxml>${document}</scxml>`,
    script,
    read: () => undefined,
  });
  expect("reason" in played ? played.reason : played.what).toBeUndefined();
}

describe("a converted document", () => {
  it("knows compound and parallel states, default, given and deep initial ones", () => {
    play(
      `<state id="a"><transition event="t" target="p"/></state>
       <parallel id="p">
         <state id="q"><state id="q1"/><state id="q2"/></state>
         <state id="r" initial="r2"><state id="r1"/><state id="r2"/></state>
         <state id="s" initial="s22"><state id="s1"/><state id="s2"><state id="s21"/><state id="s22"/></state></state>
       </parallel>`,
      ["", "a"],
      ["t", "q1 r2 s22"],
    );
  });

  it("remembers by shallow and deep history, ids with dots included", () => {
    play(
      `<state id="m" initial="m.1">
         <history id="h.s"/><history id="h.d" type="deep"/>
         <state id="m.1"><state id="m.1.1"><transition event="t" target="m.1.2"/></state><state id="m.1.2"/></state>
         <transition event="out" target="o"/>
       </state>
       <state id="o"><transition event="s" target="h.s"/><transition event="d" target="h.d"/></state>`,
      ["", "m.1.1"],
      ["t", "m.1.2"],
      ["out", "o"],
      ["d", "m.1.2"],
      ["out", "o"],
      ["s", "m.1.1"],
    );
  });

  it("takes the first transition that matches, by prefix, list and wildcard", () => {
    play(
      `<state id="a"><transition event="x.*" target="b"/><transition event="*" target="c"/></state>
       <state id="b"><transition event="*" target="c"/><transition event="y" target="a"/></state>
       <state id="c"><transition event="u v" target="a"/></state>`,
      ["", "a"],
      ["x.y.z", "b"],
      ["y", "c"],
      ["xx", "c"],
      ["v.w", "a"],
    );
  });

  it("leaves a state for an external transition, and not for an internal one", () => {
    const counts = `<datamodel><data id="n" expr="0"/></datamodel>`;
    const state = (type: string) =>
      `<state id="a"><onexit><assign location="n" expr="n + 1"/></onexit><state id="a1"/><state id="a2"/>
         <transition event="t" type="${type}" target="a2"/>
         <transition event="n" cond="n === 1" target="one"/><transition event="n" target="none"/>
       </state><state id="one"/><state id="none"/>`;
    play(counts + state("external"), ["", "a1"], ["t", "a2"], ["n", "one"]);
    play(counts + state("internal"), ["", "a1"], ["t", "a2"], ["n", "none"]);
  });

  it("computes: assign, if, foreach, script, raise, In, functions of its own", () => {
    play(
      `<script>function twice(n) { return 2 * n; }</script>
       <datamodel><data id="list">[1, 2, 3]</data><data id="sum" expr="0"/><data id="o" expr="{a: {b: 0}}"/></datamodel>
       <parallel id="p">
         <state id="a"><onentry>
             <foreach array="list" item="each" index="i"><assign location="sum" expr="sum + twice(each) + i"/></foreach>
             <if cond="sum === 15"><raise event="right"/><elseif cond="true"/><raise event="wrong"/></if>
             <script>o.a.b = sum;</script>
           </onentry>
           <state id="a1"><transition event="right" cond="o.a.b === 15" target="a2"/></state>
           <state id="a2"/>
         </state>
         <state id="b"><state id="b1"><transition cond="In('a2') &amp;&amp; !In('b2')" target="b2"/></state><state id="b2"/></state>
       </parallel>`,
      ["", "a2 b2"],
    );
  });

  it("sends with delays, cancels, and counts what it sends", () => {
    play(
      `<state id="a"><onentry>
           <send event="late" delay="30ms"/><send id="no" event="never" delay="10ms"/><send event="soon"/>
         </onentry>
         <onexit><cancel sendid="no"/></onexit>
         <transition event="soon" target="b"/></state>
       <state id="b"><transition event="never" target="c"/><transition event="late" target="d"/></state>
       <state id="c"/><state id="d"/>`,
      ["", "a"],
      ["+0", "b"],
      ["+20", "b"],
      ["+20", "d"],
    );
  });

  it("raises an error for content that fails, and ends the block", () => {
    play(
      `<datamodel><data id="n" expr="1"/></datamodel>
       <state id="a"><onentry><assign location="nowhere" expr="1"/><assign location="n" expr="2"/></onentry>
         <transition event="error.execution" cond="n === 1" target="b"/></state>
       <state id="b"/>`,
      ["", "b"],
    );
  });

  it("says when states are done, and with what", () => {
    play(
      `<state id="a"><state id="a1"><transition event="t" target="f"/></state>
         <final id="f"><donedata><param name="n" expr="7"/></donedata></final>
         <transition event="done.state.a" cond="_event.data.n === 7" target="b"/></state>
       <final id="b"/>`,
      ["", "a1"],
      ["t", "b"],
    );
  });

  it("invokes documents within it, which may wait and tell it", () => {
    play(
      `<datamodel><data id="n" expr="5"/></datamodel>
       <state id="a"><invoke type="scxml" id="kid" namelist="n"><content>
           <scxml><datamodel><data id="n" expr="0"/></datamodel>
             <state id="k1"><onentry><send target="#_parent" event="told" delayexpr="n + 'ms'"/></onentry>
               <transition event="end" target="k2"/></state>
             <final id="k2"/></scxml>
         </content></invoke>
         <state id="a1"><transition event="told" cond="_event.invokeid === 'kid'" target="a2"/></state>
         <state id="a2"><onentry><send target="#_kid" event="end" delay="5ms"/></onentry></state>
         <transition event="done.invoke.kid" target="b"/></state>
       <state id="b"/>`,
      ["", "a1"],
      ["+6", "a2"],
      ["+6", "b"],
    );
  });

  it.each([
    ["<state id='a'><onentry><send type='BasicHTTP' event='x'/></onentry></state>", "needs an HTTP server"],
    ["<state id='a'><invoke autoforward='true'/></state>", "<invoke> with autoforward"],
    ["<state id='a'><transition event='t' target='b'/></state>", "there is no state b"],
    ["<state id='a'><onentry><script src='x.js'/></onentry></state>", "there is no file x.js"],
    ["<state id='a'><onentry><html/></onentry></state>", "<html> in executable content"],
  ])("is refused with a reason: %s", (document, reason) => {
    expect(() => convert(`<scxml>${document}</scxml>`)).toThrow(reason);
  });
});

describe("XML", () => {
  it("is read with its entities, comments, sections and prefixes", () => {
    const root = parseXml(
      `<?xml version="1.0"?><!-- <a> --><n:a x='1 &lt; 2' n:y="a>b"><b/>t&amp;<![CDATA[<c>]]>&#65;</n:a>`,
    );
    expect(root).toMatchObject({ name: "a", attributes: { x: "1 < 2", y: "a>b" } });
    expect(textOf(root)).toBe("t&<c>A");
  });

  it.each(["", "<a>", "<a></b>", "<a/><b/>", "<a x=></"])("is refused when it is none: %s", (text) => {
    expect(() => parseXml(text)).toThrow(XmlError);
  });
});
