/// The deadlines of one loop's waiters: a binary heap that knows where each waiter stands.
///
/// A waiter stands in the heap at most once. A deadline that moves later leaves the heap alone until the old time comes
/// and the waiter sinks to its new place; one that moves earlier rises at once. So the common case, a connection that
/// shows signs of life, is a plain store.
struct TimerQueue {
    private var heap: ContiguousArray<Waiter> = []

    /// The earliest time at which there may be something to do.
    var nextDeadline: MonotonicTime? { heap.first?.timerKey }
    /// How many waiters have a deadline.
    var count: Int { heap.count }

    /// Takes note of a waiter's new deadline.
    mutating func deadlineChanged(_ waiter: Waiter) {
        if waiter.timerIndex < 0 {
            guard waiter.deadline != .never else { return }
            waiter.timerKey = waiter.deadline
            waiter.timerIndex = heap.count
            heap.append(waiter)
            rise(waiter.timerIndex)
        } else if waiter.deadline < waiter.timerKey {
            waiter.timerKey = waiter.deadline
            rise(waiter.timerIndex)
        }
    }

    /// Forgets a waiter.
    mutating func remove(_ waiter: Waiter) {
        let index = waiter.timerIndex
        guard index >= 0 else { return }
        waiter.timerIndex = -1
        let last = heap.removeLast()
        guard last !== waiter else { return }
        heap[index] = last
        last.timerIndex = index
        rise(index)
        sink(last.timerIndex)
    }

    /// Expires every waiter whose deadline has come. A waiter that nobody sleeps on keeps its deadline, so that its
    /// next sleep ends at once.
    mutating func fire(at now: MonotonicTime) {
        while let first = heap.first, first.timerKey <= now {
            if first.deadline <= now || first.deadline == .never {
                remove(first)
                if first.deadline != .never { first.expire() }
            } else {
                first.timerKey = first.deadline
                sink(0)
            }
        }
    }

    /// Whether the heap's order and the waiters' knowledge of their places hold; for tests.
    var isConsistent: Bool {
        heap.indices.allSatisfy { index in
            heap[index].timerIndex == index && (index == 0 || heap[(index - 1) / 2].timerKey <= heap[index].timerKey)
        }
    }

    private mutating func rise(_ start: Int) {
        var index = start
        while index > 0 {
            let parent = (index - 1) / 2
            guard heap[index].timerKey < heap[parent].timerKey else { return }
            exchange(index, parent)
            index = parent
        }
    }

    private mutating func sink(_ start: Int) {
        var index = start
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2]
            where child < heap.count && heap[child].timerKey < heap[least].timerKey { least = child }
            if least == index { return }
            exchange(index, least)
            index = least
        }
    }

    private mutating func exchange(_ one: Int, _ other: Int) {
        heap.swapAt(one, other)
        heap[one].timerIndex = one
        heap[other].timerIndex = other
    }
}
