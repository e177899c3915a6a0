import Glibc
import Policy

/// `leo hash`: a password becomes the line that the file holds in its place.
public enum HashCommand {
    /// Reads a password and prints its hash.
    public static func make() -> CommandReport {
        do throws(OperatorFailure) {
            let password = try SecretPrompt.readPassword(twice: true)
            guard let hash = password.withBytes({ PasswordDigest.make($0) }) else {
                throw OperatorFailure("OpenSSL could not make the hash")
            }
            return CommandReport(output: hash.text + "\n")
        } catch { return CommandReport(error) }
    }

    /// Reads a password and tells whether it is the one of `text`; exit code 1 when it is not.
    public static func verify(_ text: String) -> CommandReport {
        let hash: PasswordHash
        do throws(PasswordHash.Flaw) { hash = try PasswordHash.parse(text) } catch {
            return CommandReport(complaints: ["leo: what was given \(error.reason)"], exitCode: 2)
        }
        do throws(OperatorFailure) {
            let password = try SecretPrompt.readPassword(twice: false)
            let fits = password.withBytes { PasswordDigest.verify($0, against: hash) }
            if fits { return CommandReport(output: "the password fits the hash\n") }
            return CommandReport(complaints: ["leo: the password does not fit the hash"], exitCode: 1)
        } catch { return CommandReport(error) }
    }
}

/// Gets a secret from whoever started the command: from the terminal without showing it, or the first line of a pipe.
enum SecretPrompt {
    /// The password. At a terminal it is asked for a second time if `twice`. Throws when it cannot be used.
    static func readPassword(twice: Bool) throws(OperatorFailure) -> Secret {
        guard isatty(STDIN_FILENO) == 1 else {
            return try check(readLine(byteCountMax: BasicCredentials.passwordByteCountMax))
        }
        let password = try check(typed("Password: "))
        guard twice else { return password }
        let again = try typed("Once more: ")
        let isSame = password.withBytes { first in
            again.withBytes { second in
                first.count == second.count && first.indices.allSatisfy { first[$0] == second[$0] }
            }
        }
        if !isSame { throw OperatorFailure("the two passwords are not the same") }
        return password
    }

    /// A key for a provider, as its clients have it. Throws for what could be none that stays the same.
    static func readProviderKey() throws(OperatorFailure) -> Secret {
        let isTerminal = isatty(STDIN_FILENO) == 1
        let key = try isTerminal ? typed("Provider key: ") : readLine(byteCountMax: ProviderCredential.byteCountMax)
        if key.count == 0 { throw OperatorFailure("the key is empty") }
        let isPlain = key.withBytes { bytes in bytes.indices.allSatisfy { bytes[$0] > 0x20 && bytes[$0] != 0x7F } }
        if !isPlain {
            throw OperatorFailure("a key has no blanks and no control characters: write it alone, without Bearer")
        }
        if key.count > ProviderCredential.byteCountMax {
            throw OperatorFailure("a key has at most \(ProviderCredential.byteCountMax) bytes")
        }
        guard key.withBytes({ ProviderCredential.isStatic($0) }) else {
            throw OperatorFailure("this is a token that expires: only a key that stays the same can stand for a tenant")
        }
        return key
    }

    /// RFC 7617 section 2: a client cannot send anything else in Basic credentials.
    private static func check(_ password: Secret) throws(OperatorFailure) -> Secret {
        if password.count == 0 { throw OperatorFailure("the password is empty") }
        if password.count > BasicCredentials.passwordByteCountMax {
            throw OperatorFailure("a password has at most \(BasicCredentials.passwordByteCountMax) bytes")
        }
        let isPlain = password.withBytes { bytes in bytes.indices.allSatisfy { bytes[$0] >= 0x20 && bytes[$0] != 0x7F }
        }
        if !isPlain { throw OperatorFailure("a password has no control characters") }
        return password
    }

    // MARK: A pipe

    /// The first line, without its end.
    private static func readLine(byteCountMax: Int) -> Secret {
        Secret(byteCountMax: byteCountMax) { put in
            var count = 0
            var pending: UInt8?
            while count <= byteCountMax, let byte = nextByte(), byte != newline {
                // A carriage return belongs to the line's end only there.
                if let pending { put(pending) }
                pending = nil
                if byte == carriageReturn { pending = byte } else { put(byte) }
                count += 1
            }
        }
    }

    private static func nextByte() -> UInt8? {
        var byte: UInt8 = 0
        while true {
            let count = unsafe Glibc.read(STDIN_FILENO, &byte, 1)
            if count == 1 { return byte }
            if count < 0, errno == EINTR { continue }
            return nil
        }
    }

    // MARK: A terminal

    private static let newline = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")
    /// What keys send while the terminal does not act on them itself.
    private static let interrupt: UInt8 = 0x03
    private static let endOfText: UInt8 = 0x04
    private static let backspaces: [UInt8] = [0x08, 0x7F]
    private static let killLine: UInt8 = 0x15

    /// A line that is not shown. The keys that would end or stop the process are read as bytes, so that none of them
    /// leaves the terminal without its echo.
    private static func typed(_ prompt: String) throws(OperatorFailure) -> Secret {
        var before = termios()
        guard unsafe tcgetattr(STDIN_FILENO, &before) == 0 else {
            throw OperatorFailure("the terminal cannot be used: \(SystemError.text(errno))")
        }
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO | ECHONL | ICANON | ISIG)
        guard unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0 else {
            throw OperatorFailure("the terminal cannot be used: \(SystemError.text(errno))")
        }
        defer {
            unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &before)
            say("\n")
        }
        say(prompt)
        var line = [UInt8](repeating: 0, count: ProviderCredential.byteCountMax + 1)
        defer { unsafe line.withUnsafeMutableBytes { unsafe Secret.wipe($0) } }
        var count = 0
        while let byte = nextByte(), byte != newline, byte != carriageReturn, byte != endOfText {
            if byte == interrupt { throw OperatorFailure("interrupted") }
            if backspaces.contains(byte) {
                // The whole of a character that takes several bytes.
                repeat { count -= 1 } while count > 0 && line[count] & 0xC0 == 0x80
                count = max(count, 0)
            } else if byte == killLine {
                count = 0
            } else if count < line.count {
                line[count] = byte
                count += 1
            }
        }
        return Secret(copying: line.span.extracting(0..<count))
    }

    /// On the standard error: the standard output may be a file that is to hold the hash alone.
    private static func say(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
