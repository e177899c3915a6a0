import Glibc
import Testing

@testable import Proxy

@Suite("A TLS session")
struct TLSSessionTests {
    @Test("a client that trusts leo's root completes a handshake with a minted leaf")
    func handshake() throws {
        let folder = try TemporaryFolder()
        let authority = try folder.makeAuthority(permitting: ["openai.com"])
        let pair = try SocketPair()
        var server = try TLSSession(
            serverContext: authority.mint(host: "api.openai.com", lifetime: .seconds(3600), protocols: ["http/1.1"]),
            descriptor: pair.first)
        var client = try TLSSession(
            clientContext: folder.clientContext(), descriptor: pair.second, peerName: "api.openai.com")
        try finishHandshake(&client, &server)
        #expect(server.version == "TLSv1.3")
        #expect(client.negotiatedProtocol == "http/1.1")
        #expect(server.serverName == "api.openai.com")
    }
}
