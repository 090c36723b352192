"""The store that has accounts which belong to others.

copying     the files, then what has changed since
sessions    those of an account that is about to move
account     one account: copy it, take it out of use, hand it over
recovery    which store has an account, after a kill
job         all accounts
"""
