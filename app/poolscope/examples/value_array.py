"""A number and an array in memory that two processes map."""

from multiprocessing import Array, Process, Value


def change(total, numbers):
    with total.get_lock():  # += is a read and a write
        total.value += 1
    with numbers.get_lock():
        for place in range(len(numbers)):
            numbers[place] *= 2


if __name__ == "__main__":
    total, numbers = Value("i", 1), Array("i", [1, 2, 3, 4])
    process = Process(target=change, args=(total, numbers))
    process.start()
    process.join()
    print(total.value, numbers[:])  # 2 [2, 4, 6, 8]
