import Policy

/// `leo reload FILE`: asks the leo that runs on a file to read it again.
public enum ReloadCommand {
    /// Asks at `adminAddress`, or at `listen.admin` of the file. Exit code 0: what the file says is in force; 1: it has
    /// mistakes, and nothing was changed; 2: leo was not reached or would not.
    public static func run(file: String, adminAddress: String?) -> CommandReport {
        do throws(AdminPlace.Failure) {
            let admin = try AdminPlace(
                file: file, address: adminAddress, whenOff: "send leo a SIGHUP instead, and read its log")
            do throws(OperatorFailure) { return try ask(Admin.reloadPath, at: admin) } catch {
                return CommandReport(error)
            }
        } catch {
            return error.report
        }
    }

    /// Asks leo for a change at this path.
    static func ask(_ path: String, at admin: AdminPlace) throws(OperatorFailure) -> CommandReport {
        do throws(LocalClient.Failure) {
            let answer = try LocalClient.post(
                path, to: admin.endpoint, field: (Admin.digestField, admin.digest.description),
                patience: Nanoseconds(.seconds(35)))
            return report(answer)
        } catch {
            throw OperatorFailure(
                "the admin listener at \(admin.endpoint) was not reached, nothing was changed: \(error.text)")
        }
    }

    /// What an answer of leo's means for the operator.
    static func report(_ answer: LocalClient.Answer) -> CommandReport {
        let lines = answer.body.split(separator: "\n").map { OneLine.of($0) }
        guard answer.status == ReloadReport.Result.applied.status else {
            let isInvalid = answer.status == ReloadReport.Result.invalid.status
            return CommandReport(
                complaints: Array(lines.dropFirst()) + lines.prefix(1).map { "leo: \($0)" }, exitCode: isInvalid ? 1 : 2
            )
        }
        return CommandReport(
            output: lines.prefix(1).map { "\($0)\n" }.joined(), complaints: Array(lines.dropFirst()))
    }
}
