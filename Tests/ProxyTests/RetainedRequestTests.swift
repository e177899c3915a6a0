import Testing
import Wire

@testable import Proxy

@Suite("What is kept of a request that may have to be sent again")
struct RetainedRequestTests {
    @Test("pieces add up to the body")
    func piecesAddUpToTheBody() {
        var retained = RetainedRequest()
        retained.take([1, 2].span, isSent: true)
        retained.take([3].span, isSent: true)
        let (isWhole, count) = (retained.isWhole, retained.body.count)
        #expect(isWhole)
        #expect(count == 3)
    }

    @Test("a request that has lost its beginning is not whole again, whatever comes after")
    func beginningIsLostForGood() {
        var retained = RetainedRequest()
        retained.take([UInt8](repeating: 1, count: 256 * 1024).span, isSent: true)
        let wasWhole = retained.isWhole
        retained.take([1].span, isSent: true)
        retained.take([1].span, isSent: true)
        let (isWhole, count) = (retained.isWhole, retained.body.count)
        #expect(wasWhole && !isWhole)
        #expect(count == 0)
    }

    @Test("what nobody has had yet is kept beyond the limit, and counts as no whole")
    func unsentIsKept() {
        var retained = RetainedRequest()
        retained.byteCountMax = 4
        retained.take([1, 2, 3].span, isSent: false)
        retained.take([4, 5].span, isSent: false)
        let (isWhole, count) = (retained.isWhole, retained.body.count)
        #expect(!isWhole)
        #expect(count == 5)
    }
}
