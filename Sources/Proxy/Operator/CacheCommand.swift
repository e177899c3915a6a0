import Policy

/// `leo cache stats` and `leo cache purge`: asks the leo that runs on a file about its kept answers, or to drop them.
public enum CacheCommand {
    /// Tells what is kept, as text or, with `isJSON`, as the admin listener's JSON. Exit code 0: told; 1: the file has
    /// mistakes; 2: leo was not reached.
    public static func stats(file: String, adminAddress: String?, isJSON: Bool) -> CommandReport {
        withAdmin(file, adminAddress) { admin throws(OperatorFailure) in
            let query = isJSON ? "" : "?\(Admin.formName)=\(Admin.textForm)"
            let answer: LocalClient.Answer
            do throws(LocalClient.Failure) {
                answer = try LocalClient.getWhole(Admin.cachePath + query, from: admin.endpoint)
            } catch {
                throw OperatorFailure("the admin listener at \(admin.endpoint) was not reached: \(error.text)")
            }
            guard answer.status == 200 else {
                throw OperatorFailure(
                    "the admin listener at \(admin.endpoint) answers with \(answer.status): \(OneLine.of(answer.body))")
            }
            let lines = answer.body.split(separator: "\n").map { isJSON ? $0.printable : OneLine.of($0) }
            return CommandReport(output: lines.map { "\($0)\n" }.joined())
        }
    }

    /// Drops what is kept of a tenant, of a model, or of both; nil stands for all of them. Exit code 0: dropped; 1: the
    /// file has mistakes; 2: leo was not reached, or runs on another file.
    public static func purge(file: String, adminAddress: String?, tenant: String?, model: String?) -> CommandReport {
        let parameters = [(Admin.tenantName, tenant), (Admin.modelName, model)].compactMap { name, value in
            value.map { "\(name)=\(AdminQuery.encoded($0))" }
        }
        let query = parameters.isEmpty ? "" : "?\(parameters.joined(separator: "&"))"
        return withAdmin(file, adminAddress) { admin throws(OperatorFailure) in
            try ReloadCommand.ask(Admin.purgePath + query, at: admin)
        }
    }

    /// Whether a text can be the name of a tenant or a model, as far as ``purge(file:adminAddress:tenant:model:)`` can ask
    /// for it.
    public static func isName(_ text: String) -> Bool {
        (1...AdminQuery.valueByteCountMax).contains(text.utf8.count)
    }

    private static func withAdmin(
        _ file: String, _ address: String?, _ body: (AdminPlace) throws(OperatorFailure) -> CommandReport
    ) -> CommandReport {
        do throws(AdminPlace.Failure) {
            let admin = try AdminPlace(file: file, address: address, whenOff: "nobody can ask this leo")
            do throws(OperatorFailure) { return try body(admin) } catch { return CommandReport(error) }
        } catch {
            return error.report
        }
    }
}

extension Substring {
    /// Without control characters.
    fileprivate var printable: String {
        let scalars = unicodeScalars.map { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) ? " " : $0 }
        return String(String.UnicodeScalarView(scalars))
    }
}
