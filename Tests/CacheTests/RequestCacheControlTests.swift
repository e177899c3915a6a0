import Testing
import Wire

@testable import Cache

@Suite("What a request says about caches")
struct RequestCacheControlTests {
    private func read(_ lines: [String]) throws -> RequestCacheControl {
        let text = Array(("POST / HTTP/1.1\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n").utf8)
        var head = HTTP1Head(.request)
        #expect(try head.parse(text.span))
        return RequestCacheControl(head, from: text.span)
    }

    @Test(
        "is read from Cache-Control, in any case and spacing",
        arguments: [
            "Cache-Control: no-store", "cache-control: NO-STORE", "Cache-Control: max-age=5 ,\tno-store",
            "Cache-Control: foo=\"a, b\", no-store", "Cache-Control: ,, no-store ,",
        ])
    func noStore(line: String) throws {
        let said = try read([line])
        #expect(said.noStore)
        #expect(!said.noCache && !said.onlyIfCached)
    }

    @Test("counts all fields of the name")
    func several() throws {
        let said = try read(["Cache-Control: no-cache", "Cache-Control: only-if-cached"])
        #expect(said.noCache && said.onlyIfCached && !said.noStore)
    }

    @Test(
        "tells how old an answer may be, and in the stricter sense where that cannot be read",
        arguments: [
            ("max-age=60", 60), ("max-age=\"60\"", 60), ("max-age = 60", 60), ("max-age", 0), ("max-age=", 0),
            ("max-age=-1", 0), ("max-age=1.5", 0), ("max-age=60, max-age=5", 5),
            ("max-age=99999999999999999999999", UInt64.max),
        ])
    func maxAge(text: String, seconds: UInt64) throws {
        #expect(try read(["Cache-Control: \(text)"]).maxAgeSeconds == seconds)
    }

    @Test("is read from Pragma only where there is no Cache-Control")
    func pragma() throws {
        #expect(try read(["Pragma: no-cache"]).noCache)
        #expect(try !read(["Pragma: no-cache", "Cache-Control: max-age=5"]).noCache)
    }

    @Test("does not take a part of a word, or a quoted one, for a directive")
    func parts() throws {
        let said = try read(["Cache-Control: no-store-this, xno-cache, foo=\"no-store, no-cache\", only-if-cachedd"])
        #expect(said == RequestCacheControl())
    }
}
