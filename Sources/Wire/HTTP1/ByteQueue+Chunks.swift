extension ByteQueue {
    /// Adds `data` as one chunk (RFC 9112 7.1). Empty data adds nothing, since a chunk of size zero ends the content.
    public mutating func appendChunk(_ data: Span<UInt8>) {
        guard data.count > 0 else { return }
        append(hexadecimal: UInt(data.count))
        append("\r\n")
        append(data)
        append("\r\n")
    }

    /// Ends chunked content. `trailers` are complete field lines, as ``HTTP1BodyDecoder/trailers`` gives them.
    public mutating func appendLastChunk(trailers: [UInt8]) {
        append("0\r\n")
        append(trailers.span)
        append("\r\n")
    }
}
