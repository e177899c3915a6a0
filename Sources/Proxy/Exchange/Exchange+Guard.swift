import Policy
import Wire

// The request before it goes out: the policy judges it, with its body where it has to.
extension Exchange {
    /// Some clients wait for a second before they send a body unasked (RFC 9110 section 10.1.1).
    func inviteBody() throws(ProxyError) {
        guard request.expectsContinue else { return }
        client.sendContinue()
        _ = try client.flush()
    }

    /// Asks the policy, which may want to see the whole body first.
    func guardRequest() async throws(ProxyError) {
        var isInvited = !request.expectsContinue
        do throws(ProxyError) {
            try client.withHeadBytes { bytes throws(ProxyError) in
                try governance.begin(request, bytes, isWebSocket: isWebSocket, journal)
            }
            isInvited = true
            try inviteBody()
            switch governance.reading {
            case .nothing: break
            case .model: try await pull { $0.retained.isWhole && $0.governance.seeksModel }
            case .whole(let byteCountMax):
                retained.byteCountMax = byteCountMax
                if case .length(let length) = request.requestFraming { retained.byteCountPromised = length }
                try await pull { $0.retained.isWhole }
                try judgeBody()
            }
            if governance.cache?.isActive != true { try governance.admit(journal) }
        } catch {
            retained.body.withBytes { governance.passDeferred($0, journal) }
            // The connection lives on if what is left of the request is little: clients come back in a moment.
            if isInvited, error.fault.isRefusal {
                do throws(ProxyError) { try await discardBody() } catch let later {
                    // A client that stalls or a shutdown does not change what there is to say.
                    if later.fault == .clientGone { throw later }
                }
            }
            throw error
        }
    }

    /// Hears out what little may be left of a request that is refused.
    func discardBody() async throws(ProxyError) {
        guard client.spoken == .http1 else { return }
        if case .length(let count) = request.requestFraming, count > Self.discardedBytesMax { return }
        isUploadAbandoned = true
        retained.drop()
        try await pull { $0.requestBytes <= Self.discardedBytesMax }
    }

    /// Takes pieces of the request as they come while `wants` more of them, to its end.
    func pull(while wants: (Exchange) -> Bool) async throws(ProxyError) {
        client.attach(true)
        var turnBytes = 0
        while !isRequestComplete, wants(self) {
            let moved = try client.pullRequest(self, mayTake: true)
            floor.moved(clientBytes, at: worker.loop.now)
            clientBytes = 0
            turnBytes += moved
            if moved > 0, turnBytes <= Self.turnBytesMax { continue }
            turnBytes = 0
            if moved > 0 {
                await worker.loop.yield()
                continue
            }
            _ = try client.flush()
            gauge(client.waitingBytes + retained.body.count)
            floor.setWaiting(true, at: worker.loop.now)
            waiter.deadline = floor.deadline
            client.expect(request: true, room: client.isBackedUp)
            switch await waiter.sleep() {
            case .event: break
            case .deadline: throw timeout
            case .cancelled: throw ProxyError(.draining, "leo was shut down in the middle of an exchange")
            }
        }
    }

    /// Shows the policy the body, and makes the edits it asks for.
    func judgeBody() throws(ProxyError) {
        let edit: Governance.RequestEdit?
        if retained.isWhole, isRequestComplete {
            edit = try retained.body.withBytes { body throws(ProxyError) in
                try client.withHeadBytes { head throws(ProxyError) in try governance.judge(request, head, body, journal)
                }
            }
        } else {
            retained.body.withBytes { governance.passDeferred($0, journal) }
            edit = try governance.judgeUnread(byteCount: requestBytes, request, journal)
        }
        guard let edit else { return }
        if let body = edit.body.take() { retained.replace(body) }
        editedHead = try client.withHeadBytes { bytes throws(ProxyError) in
            try EditedHead(request, bytes, edit.changes, adding: [])
        }
    }
}
