import Policy

/// `leo env`: the variables as text, and the files they name brought up to date.
public enum EnvCommand {
    /// Prints the variables for the configuration in `file` in one of the forms.
    ///
    /// - Parameter proxyAddress: what clients reach leo at, when that is not `listen.proxy`.
    public static func run(file: String?, form: ShellForm, proxyAddress: String?) -> CommandReport {
        Operator.withConfig(file) { config throws(OperatorFailure) in
            let environment = try prepare(config, proxyAddress: proxyAddress)
            let present = form.isForThisEnvironment ? ProcessEnvironment.current() : [:]
            return CommandReport(output: try form.render(environment.variables(beside: present)))
        }
    }

    /// Whether this can stand for where clients reach leo: an IP address and a port.
    public static func isProxyAddress(_ text: String) -> Bool { (IPEndpoint.parse(text)?.port ?? 0) > 0 }

    /// The variables, after the bundle and the trust store were made or renewed.
    static func prepare(_ config: Config, proxyAddress: String?) throws(OperatorFailure) -> ClientEnvironment {
        let environment = try ClientEnvironment(config, proxyAddress: proxyAddress)
        do throws(CertificateFailure) { try environment.files.refresh() } catch {
            throw OperatorFailure(reading: error)
        }
        return environment
    }
}
