from app_tasks import make_task

__all__ = ["make_task"]
