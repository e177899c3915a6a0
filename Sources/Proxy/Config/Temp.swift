import Policy
public struct ConfigFailure: Error {
    let exitCode: Int32 = 1
    func write(to log: OperatorLog) {}
}
extension Config {
    static func load(file: String?, stateDirectory: String?, workingDirectory: String) throws(ConfigFailure) -> Config {
        var c = Config(baseDirectory: workingDirectory)
        if let file, let text = SmallFile.read(file) {
            for line in text.split(separator: "\n") {
                let parts = line.split(separator: "=", maxSplits: 1).map {
                    String($0.filter { $0 != " " && $0 != "\"" })
                }
                if parts.count == 2 {
                    switch parts[0] {
                    case "proxy": c.listen.proxy = IPEndpoint.parse(parts[1])!
                    case "admin": c.listen.admin = IPEndpoint.parse(parts[1])
                    case "workers": c.listen.workerCount = Int(parts[1])!
                    case "trust": c.upstream.trust = .file(parts[1])
                    case "log": c.accessLog.path = parts[1]
                    default:
                        if let k = HostPort.parse(parts[0]), let v = IPEndpoint.parse(parts[1]) {
                            c.upstream.resolve[k] = v
                        }
                    }
                }
            }
        }
        return c
    }
}
