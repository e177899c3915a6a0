import Testing
import Wire

@testable import Cache

@Suite("A request to the cache")
struct CacheRequestTests {
    @Test("is written in canonical form, without what is ignored")
    func canonical() {
        let case1 = CacheCase(
            body: """
                { "stream" : true, "model":"m", "user":"u", "n" : 1.0,
                  "messages": [ {"role":"user","content":"a\\/b\\u00e9\\u000a"} ], "x": {"b":1,"a":[ ]} }
                """)
        #expect(
            case1.canonical
                == "{\"messages\":[{\"content\":\"a/b\u{e9}\\n\",\"role\":\"user\"}],\"model\":\"m\",\"n\":1.0,"
                + "\"x\":{\"b\":1,\"a\":[]}}")
    }

    @Test(
        "is deterministic at a temperature that is literally zero",
        arguments: [
            ("0", true), ("0.0", true), ("-0", true), ("0e5", true), ("0.000E-3", true), ("-0.0", true),
            ("1e-400", false), ("0.1", false), ("1", false), ("null", false), ("\"0\"", false), ("[0]", false),
        ])
    func temperature(text: String, isZero: Bool) throws {
        #expect(try CacheCase.chat(",\"temperature\":\(text)").read().isDeterministic == isZero)
    }

    @Test("says in which form the answer is wanted")
    func form() throws {
        #expect(try CacheCase.chat("").read().form == .document)
        #expect(try CacheCase.chat(",\"stream\":null").read().form == .document)
        #expect(try CacheCase.chat(",\"stream\":true").read().form == .stream(tellsUsage: false))
        let asking = CacheCase.chat(",\"stream\":true,\"stream_options\":{\"include_usage\":true}")
        #expect(try asking.read().form == .stream(tellsUsage: true))
        #expect(try asking.read(hidesUsage: true).form == .stream(tellsUsage: false))
        #expect(try asking.read().formText != asking.read(hidesUsage: true).formText)
    }

    @Test("costs no more the deeper the keys are that are to be put in order")
    func depth() {
        let text = "\"" + String(repeating: "x", count: 100_000) + "\""
        let nested = { (open: String, close: String) in
            CacheCase(
                body: "{\"tool_choice\":" + String(repeating: open, count: 120) + text
                    + String(repeating: close, count: 120) + "}")
        }
        let sorted = nested("{\"a\":", ",\"b\":1}")
        #expect(nested("{\"b\":1,\"a\":", "}").canonical == sorted.canonical)
        #expect(sorted.canonical == sorted.body)
    }
}
