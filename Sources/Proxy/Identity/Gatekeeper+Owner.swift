import Policy

/// Who the kernel says is at the other end of a client's connection.
struct ClientOwner {
    /// The user's number; nil when the client is not of this machine.
    var uid: UInt32?
    /// Where its process runs; nil as long as nobody asked.
    var place: PeerProcess.Place?
}

extension Gatekeeper {
    /// Puts user and unit into the facts, as far as some row asks for them: for clients of this machine, once for a
    /// connection. A client that a load balancer has announced is somebody else's than the owner of the socket.
    func lookUpOwner(
        for tenants: TenantTable, _ facts: inout ClientFacts, waiter: Waiter
    ) async throws(ProxyError) {
        guard tenants.needsUID || tenants.needsUnit, connection.announcedDestination == nil else { return }
        var owner = connection.owner ?? ClientOwner()
        if connection.owner == nil || tenants.needsUnit && owner.place == nil {
            owner = try findOwner(withPlace: tenants.needsUnit)
            connection.owner = owner
        }
        facts.uid = owner.uid
        guard tenants.needsUnit else { return }
        switch owner.place {
        case .number(let number)?: facts.unit = try await unit(ofControlGroup: number, waiter)
        case .path(let path)?: facts.unit = SystemdUnit.name(inPath: path)
        case .unknown?, nil: break
        }
    }

    private func findOwner(withPlace: Bool) throws(ProxyError) -> ClientOwner {
        let descriptor = connection.stream.descriptor
        let client: IPEndpoint
        switch connection.socketPeer {
        case .process(let id, let user):
            let place = withPlace ? PeerProcess.place(of: descriptor, processID: id) : nil
            return ClientOwner(uid: user, place: place)
        case .endpoint(let endpoint): client = endpoint
        }
        guard let target = farEnd(of: client, descriptor) else { return ClientOwner(place: .unknown) }
        let found: SocketDiagnosis.Owner?
        do throws(SystemCallError) { found = try worker.shared.owners.owner(local: client, remote: target) } catch {
            worker.shared.log.warning(.resources, "the owner of a client's socket: \(error.call): \(error.text)")
            throw refuse(.busy, .overload, "the kernel does not tell whose the client is")
        }
        guard let found else {
            // A client of this machine has a socket here for as long as it is there; without one it could be anybody.
            if client.address.isLoopback {
                throw refuse(.unidentified, .unidentified, "the client's end of the connection belongs to nobody")
            }
            return ClientOwner(place: .unknown)
        }
        return ClientOwner(uid: found.uid, place: found.controlGroup.map { .number($0) } ?? .unknown)
    }

    /// Where the client's own socket leads, if that can be a socket of this machine.
    private func farEnd(of client: IPEndpoint, _ descriptor: Int32) -> IPEndpoint? {
        // A redirected client knows nothing of the packet filter.
        if connection.listener == .transparent { return Socket.originalDestination(descriptor) }
        guard let local = Socket.localEndpoint(descriptor) else { return nil }
        let isOwn = client.address.isLoopback || client.address.unwrapped == local.address.unwrapped
        return isOwn ? local : nil
    }

    private func unit(ofControlGroup number: UInt64, _ waiter: Waiter) async throws(ProxyError) -> String? {
        let units = worker.shared.units
        let key = "\(number)"
        while true {
            switch units.ask(key, waiter: waiter, now: worker.loop.now) {
            case .unit(let unit)?: return unit
            case .busy?: throw refuse(.busy, .overload, "too many units of clients are being looked up")
            case nil: break
            }
            let wake = await waiter.sleep()
            if wake == .event, !connection.isBroken { continue }
            units.forget(key, waiter: waiter)
            switch wake {
            case .event: throw ProxyError(.clientGone, "the client left while its unit was looked up")
            case .deadline: throw refuse(.busy, .overload, "the client's unit was not found in time")
            case .cancelled: throw ProxyError(.draining, "leo is shutting down")
            }
        }
    }
}
