/// The forms in which `leo env` writes variables, each with its own rules for quoting.
public enum ShellForm: String, CaseIterable, Sendable {
    /// Bourne shells: dash, bash, zsh.
    case sh
    /// The fish shell.
    case fish
    /// Lines for the `[Service]` section of a unit.
    case systemd
    /// A file for `docker run --env-file`.
    case docker
    /// The `env` list of a container in a Kubernetes manifest.
    case k8s

    /// Whether the text is evaluated in the environment that `leo env` itself runs in.
    var isForThisEnvironment: Bool {
        switch self {
        case .sh, .fish: true
        case .systemd, .docker, .k8s: false
        }
    }

    /// The variables as text, one after the other. Throws if a value cannot be written in this form.
    func render(_ variables: [ClientEnvironment.Variable]) throws(OperatorFailure) -> String {
        var text = self == .k8s ? "env:\n" : ""
        for variable in variables { text += try render(variable) + "\n" }
        return text
    }

    private func render(_ variable: ClientEnvironment.Variable) throws(OperatorFailure) -> String {
        let (name, value) = (variable.name, variable.value)
        switch self {
        case .sh: return "export \(name)=\(Self.singleQuoted(value))"
        case .fish: return "set -gx \(name) \(Self.fishQuoted(value))"
        case .systemd: return "Environment=\"\(name)=\(Self.systemdEscaped(value))\""
        case .docker:
            // The file has no quoting at all: a value is what stands between the sign and the end of the line.
            if value.unicodeScalars.contains(where: { $0 == "\n" || $0 == "\r" }) {
                throw OperatorFailure("\(name): a value with a line break cannot be written for docker --env-file")
            }
            return "\(name)=\(value)"
        case .k8s: return "  - name: \(name)\n    value: \"\(Self.kubernetesEscaped(value))\""
        }
    }

    // MARK: Quoting

    /// For Bourne shells: nothing means anything between single quotes, so only they need care.
    static func singleQuoted(_ value: String) -> String {
        "'" + value.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }

    /// Whether a shell reads the word as it stands, after an assignment's sign too.
    static func isPlain(_ word: String) -> Bool {
        !word.isEmpty
            && word.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "_"),
                    UInt8(ascii: "-"), UInt8(ascii: ":"), UInt8(ascii: ","):
                    true
                default: false
                }
            }
    }

    /// For fish, where a backslash between single quotes escapes itself and the quote, and nothing else.
    private static func fishQuoted(_ value: String) -> String {
        "'" + escaped(value) { $0 == "\\" || $0 == "'" ? "\\\($0)" : nil } + "'"
    }

    /// systemd.syntax(7): C escapes between double quotes; systemd.unit(5): a percent sign begins a specifier.
    private static func systemdEscaped(_ value: String) -> String {
        escaped(value) { scalar in
            switch scalar {
            case "\\", "\"": "\\\(scalar)"
            case "%": "%%"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F: "\\x\(hexadecimal(scalar))"
            default: nil
            }
        }
    }

    /// A double-quoted YAML scalar, in which Kubernetes replaces `$(NAME)` and reads `$$` as one dollar sign.
    private static func kubernetesEscaped(_ value: String) -> String {
        escaped(value) { scalar in
            switch scalar {
            case "\\", "\"": "\\\(scalar)"
            case "$": "$$"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F: "\\x\(hexadecimal(scalar))"
            default: nil
            }
        }
    }

    private static func escaped(_ value: String, _ escape: (Unicode.Scalar) -> String?) -> String {
        var text = ""
        for scalar in value.unicodeScalars {
            if let replacement = escape(scalar) { text += replacement } else { text.unicodeScalars.append(scalar) }
        }
        return text
    }

    private static func hexadecimal(_ scalar: Unicode.Scalar) -> String {
        (scalar.value < 0x10 ? "0" : "") + String(scalar.value, radix: 16)
    }
}
