"""A list and a dictionary in a process of their own, which others change."""

from multiprocessing import Manager, Process


def modify_shared_data(shared_list, shared_dict):
    shared_list.append("Hello from process")
    shared_dict["parts"].append(1)  # lost: changes a copy
    parts = shared_dict["parts"]
    parts.append(2)
    shared_dict["parts"] = parts  # kept


if __name__ == "__main__":
    with Manager() as manager:
        shared_list, shared_dict = manager.list(), manager.dict(parts=[])
        process = Process(target=modify_shared_data, args=(shared_list, shared_dict))
        process.start()
        process.join()
        print(shared_list, shared_dict)  # ['Hello from process'] {'parts': [2]}
