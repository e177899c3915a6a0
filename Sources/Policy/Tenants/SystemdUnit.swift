/// Names of systemd's units, and where they stand in the path of a control group.
public enum SystemdUnit {
    /// The system's unit to which the processes of a control group belong; nil when they belong to none.
    ///
    /// `path` is that of the group in the unified hierarchy, from its root: `/system.slice/checkout.service/worker`. The
    /// first part that is no slice is the unit. What comes below that is the unit's own to name, so it is not looked at:
    /// a user's unit, `/user.slice/user-1000.slice/user@1000.service/app.slice/checkout.service`, is `user@1000.service`
    /// here, however it calls itself.
    public static func name(inPath path: String) -> String? {
        for part in path.split(separator: "/") {
            // systemd puts an underscore before names that would mean something else to the kernel.
            let name = String(part.hasPrefix("_") ? part.dropFirst() : part)
            if name.hasSuffix(".slice") { continue }
            return hasProcesses(name) ? name : nil
        }
        return nil
    }

    /// Whether a unit of this name can have processes of its own.
    static func hasProcesses(_ name: String) -> Bool {
        [".service", ".scope"].contains { name.hasSuffix($0) && name.utf8.count > $0.utf8.count }
    }
}
